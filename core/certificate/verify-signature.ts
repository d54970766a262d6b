/**
 * Verifies signatures on certificates, CRLs, OCSP answers and time-stamps with node:crypto, and decides which
 * algorithms and keys are accepted (RFC 4055, RFC 5758). MD5, SHA-1, SHA-224, RSA under 2048 bits and curves
 * other than P-256, P-384, P-521 are refused.
 */
import { constants, type KeyObject, type SigningOptions, verify } from 'node:crypto'
import { children, parseDer, readOid, readSmallInteger, TAG } from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { isStrongKey } from './key-strength.ts'
import type { AlgorithmIdentifier, Certificate } from './parse-certificate.ts'
import { publicKeyOf } from './public-key.ts'

type Digest = 'sha256' | 'sha384' | 'sha512'
type Method = { digest: Digest; kind: 'rsa' | 'rsa-pss' | 'ecdsa' }

const SIMPLE: ReadonlyMap<string, Method> = new Map<string, Method>([
  [OID.sha256WithRSAEncryption, { digest: 'sha256', kind: 'rsa' }],
  [OID.sha384WithRSAEncryption, { digest: 'sha384', kind: 'rsa' }],
  [OID.sha512WithRSAEncryption, { digest: 'sha512', kind: 'rsa' }],
  [OID.ecdsaWithSHA256, { digest: 'sha256', kind: 'ecdsa' }],
  [OID.ecdsaWithSHA384, { digest: 'sha384', kind: 'ecdsa' }],
  [OID.ecdsaWithSHA512, { digest: 'sha512', kind: 'ecdsa' }],
])

const DIGEST: ReadonlyMap<string, Digest> = new Map<string, Digest>([
  [OID.sha256, 'sha256'],
  [OID.sha384, 'sha384'],
  [OID.sha512, 'sha512'],
])
const DIGEST_BYTES: Record<Digest, number> = { sha256: 32, sha384: 48, sha512: 64 }
/**
 * Whether the key of `issuer` signed `signed`; false for keys and algorithms that are refused. Only a
 * verifier of old evidence passes `keyCounts`, to accept weaker keys.
 */
export function isSignedBy(
  signed: Pick<Certificate, 'tbs' | 'signatureAlgorithm' | 'signature'>,
  issuer: Certificate,
  keyCounts: (key: KeyObject) => boolean = isStrongKey,
): boolean {
  const method = methodOf(signed.signatureAlgorithm)
  const key = publicKeyOf(issuer)
  if (method === undefined || !keyCounts(key)) return false
  if ((method.kind === 'ecdsa') !== (key.asymmetricKeyType === 'ec')) return false
  return verify(method.digest, signed.tbs, { key, ...paddingOf(method) }, signed.signature)
}

function paddingOf({ kind, digest }: Method): SigningOptions {
  if (kind === 'ecdsa') return { dsaEncoding: 'der' }
  if (kind === 'rsa') return { padding: constants.RSA_PKCS1_PADDING }
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: DIGEST_BYTES[digest] }
}

function methodOf({ oid, parameters }: AlgorithmIdentifier): Method | undefined {
  if (oid === OID.rsassaPss) return parameters === undefined ? undefined : pssMethod(parameters)
  const method = SIMPLE.get(oid)
  // RFC 4055 5: RSA has NULL parameters, and absent ones must be accepted too. RFC 5758 3.2: ECDSA has none.
  const isNull = parameters?.equals(NULL) === true
  return parameters === undefined || (isNull && method?.kind === 'rsa') ? method : undefined
}

const NULL = Buffer.of(TAG.null, 0)

/**
 * RSASSA-PSS-params (RFC 4055 3.1). Accepted: one digest for everything, a salt as long as the digest, the
 * standard trailer.
 */
function pssMethod(parameters: Buffer): Method | undefined {
  try {
    const fields = children(parseDer(parameters))
    const [hash, mask, salt, trailer] = [0xa0, 0xa1, 0xa2, 0xa3].map((tag) => {
      const field = fields[0]?.tag === tag ? fields.shift() : undefined
      return field && children(field)[0]
    })
    // The defaults are SHA-1, so a missing field is refused.
    if (fields.length > 0 || hash === undefined || mask === undefined || salt === undefined) return undefined
    const [maskOid, maskHash] = children(mask)
    const digest = DIGEST.get(readOid(children(hash)[0]))
    if (digest === undefined || maskHash === undefined || readOid(maskOid) !== OID.mgf1) return undefined
    const sound =
      DIGEST.get(readOid(children(maskHash)[0])) === digest &&
      readSmallInteger(salt) === DIGEST_BYTES[digest] &&
      (trailer === undefined || readSmallInteger(trailer) === 1)
    return sound ? { digest, kind: 'rsa-pss' } : undefined
  } catch {
    return undefined
  }
}
