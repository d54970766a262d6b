/** A certificate in X-Road's words. */
import { createPublicKey } from 'node:crypto'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import type { GeneralName } from '#core/certificate/general-name.ts'
import { attribute, readableName } from '#core/certificate/name.ts'

const ALGORITHMS: Record<string, string> = {
  '1.2.840.113549.1.1.11': 'SHA256withRSA',
  '1.2.840.113549.1.1.12': 'SHA384withRSA',
  '1.2.840.113549.1.1.13': 'SHA512withRSA',
  '1.2.840.10045.4.3.2': 'SHA256withECDSA',
  '1.2.840.10045.4.3.3': 'SHA384withECDSA',
  '1.2.840.10045.4.3.4': 'SHA512withECDSA',
}

export function detailsOfPem(pem: string): object {
  return detailsOf(readCertificate(Buffer.from(pem)))
}

function detailsOf(certificate: Certificate): object {
  const { issuer, subject, notBefore, notAfter, serialNumber, version, signatureAlgorithm } = certificate
  const { keyUsage, subjectAltNames } = certificate.extensions
  return {
    issuer_distinguished_name: readableName(issuer),
    issuer_common_name: attribute(issuer, 'CN') ?? '',
    subject_distinguished_name: readableName(subject),
    subject_common_name: attribute(subject, 'CN') ?? '',
    ...{ not_before: notBefore, not_after: notAfter, serial: serialNumber.toString(), version },
    signature_algorithm: ALGORITHMS[signatureAlgorithm.oid] ?? signatureAlgorithm.oid,
    signature: certificate.signature.toString('hex'),
    ...publicKeyOf(certificate.spki),
    hash: certificate.sha256.toUpperCase(),
    key_usages: [...(keyUsage ?? [])]
      .map((one) => one.replace(/[A-Z]+/g, '_$&').toUpperCase())
      .map(asCrlSign),
    subject_alternative_names: (subjectAltNames ?? []).map(nameIn).join(', '),
  }
}

const KEY_ALGORITHMS: Record<string, string> = { rsa: 'RSA', ec: 'EC', ed25519: 'EdDSA', ed448: 'EdDSA' }

/** X-Road's tools read the two numbers of an RSA key of every certificate; those of another key are empty. */
function publicKeyOf(spki: Buffer): object {
  const { type, jwk } = readKey(spki)
  const { n = '', e = '', x = '', y = '', crv } = jwk
  const hex = (text: string): string => Buffer.from(text, 'base64url').toString('hex')
  const isRsa = n !== ''
  return {
    public_key_algorithm: KEY_ALGORITHMS[type] ?? type.toUpperCase(),
    rsa_public_key_modulus: hex(n),
    rsa_public_key_exponent: isRsa ? Number.parseInt(hex(e), 16) : 0,
    ...(type === 'ec' && crv !== undefined
      ? { ec_public_parameters: crv, ec_public_key_point: `04${hex(x)}${hex(y)}` }
      : {}),
  }
}

type Jwk = Partial<Record<'n' | 'e' | 'x' | 'y' | 'crv', string>>

/**
 * Systems come with certificates of any key: a curve that has no JWK (brainpoolP256r1, RFC 7518) is told
 * without its point.
 */
function readKey(spki: Buffer): { type: string; jwk: Jwk } {
  let type = ''
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    type = key.asymmetricKeyType ?? ''
    return { type, jwk: key.export({ format: 'jwk' }) as Jwk }
  } catch {
    return { type, jwk: {} }
  }
}

function asCrlSign(usage: string): string {
  return usage === 'C_RLSIGN' ? 'CRL_SIGN' : usage
}

function nameIn(name: GeneralName): string {
  if ('text' in name) return `${name.kind}:${name.text}`
  if (name.kind === 'iPAddress')
    return `iPAddress:${name.bytes.length === 4 ? [...name.bytes].join('.') : name.bytes.toString('hex')}`
  return name.kind === 'directoryName' ? `directoryName:${readableName(name.name)}` : name.kind
}
