/**
 * Reads a certificate request (PKCS #10, RFC 2986); checks that its sender has the private key and that the
 * key is strong enough.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import {
  children,
  type Der,
  expectTag,
  malformed,
  onlyChild,
  parseDer,
  readBitString,
  readOid,
  readSmallInteger,
  TAG,
} from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { readAlgorithmIdentifier } from '#core/certificate/certificate.ts'
import { readExtensionList } from '#core/certificate/extensions.ts'
import { isStrongKey } from '#core/certificate/key-strength.ts'
import { type Name, readName } from '#core/certificate/name.ts'
import { Fault } from '#schemas/fault.ts'

type CertificateRequest = {
  subject: Name
  publicKey: KeyObject
  /** The DER of a requested subjectAltName. */
  subjectAltName: Buffer | undefined
}

const MAX_BYTES = 16 * 1024
const PEM =
  /^-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/

/** The kind of key decides between ECDSA and PKCS #1 v1.5. */
const DIGESTS = new Map<string, string>([
  [OID.ecdsaWithSHA256, 'sha256'],
  [OID.ecdsaWithSHA384, 'sha384'],
  [OID.ecdsaWithSHA512, 'sha512'],
  [OID.sha256WithRSAEncryption, 'sha256'],
  [OID.sha384WithRSAEncryption, 'sha384'],
  [OID.sha512WithRSAEncryption, 'sha512'],
])

/** `bytes` is DER or PEM. Throws `invalid_request` if no certificate may be issued for the request. */
export function readCertificateRequest(bytes: Buffer): CertificateRequest {
  try {
    if (bytes.length > MAX_BYTES) throw malformed(`longer than ${MAX_BYTES} bytes`)
    return read(parseDer(bytes[0] === TAG.sequence ? bytes : fromPem(bytes)))
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.code !== 'malformed_der') throw cause
    throw new Fault('invalid_request', { what: `certificate request: ${cause.what}`, cause })
  }
}

function fromPem(bytes: Buffer): Buffer {
  const match = PEM.exec(bytes.toString('latin1'))
  if (match === null) throw malformed('neither DER nor PEM')
  return Buffer.from(match[1]!, 'base64')
}

function read(request: Der): CertificateRequest {
  const [info, algorithm, signature, ...more] = children(expectTag(request, TAG.sequence, 'request'))
  if (more.length > 0) throw malformed('fields after the signature')
  const [version, subject, spki, attributes, ...rest] = children(
    expectTag(info, TAG.sequence, 'request content'),
  )
  if (readSmallInteger(version) !== 0 || rest.length > 0) throw malformed('version or fields')
  const publicKey = readKey(expectTag(spki, TAG.sequence, 'public key').raw)
  if (!isStrongKey(publicKey)) throw refused('its key is too weak: P-256, P-384, P-521 or RSA from 2048 bits')
  const { oid } = readAlgorithmIdentifier(expectTag(algorithm, TAG.sequence, 'algorithm'))
  const digest = DIGESTS.get(oid)
  if (digest === undefined) throw refused('it is not signed with SHA-256, SHA-384 or SHA-512')
  if (!verify(digest, info!.raw, publicKey, readBitString(signature).bytes)) {
    throw refused('its signature does not verify')
  }
  return {
    subject: readName(subject),
    publicKey,
    subjectAltName: attributes && readSubjectAltName(expectTag(attributes, 0xa0, 'attributes')),
  }
}

function readKey(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new Fault('invalid_request', { what: 'certificate request: its key cannot be read', cause })
  }
}

function readSubjectAltName(attributes: Der): Buffer | undefined {
  for (const attribute of children(attributes)) {
    const [type, values] = children(expectTag(attribute, TAG.sequence, 'attribute'))
    if (readOid(type) !== OID.extensionRequest) continue
    const extensions = readExtensionList(onlyChild(expectTag(values, TAG.set, 'attribute values')))
    return extensions.get(OID.subjectAltName)?.value
  }
  return undefined
}

function refused(what: string): Fault {
  return new Fault('invalid_request', { what: `certificate request: ${what}` })
}
