/** PKCS#10 certification requests (RFC 2986), written with our own DER encoder and signed with SHA-256. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { publicHalf, type SigningKey, signDerWith } from '#core/signature/signing-key.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { type AltNames, altNamesExtension } from './alt-names.ts'

/** A distinguished name in the order of its RDNs; `type` is a short name of RFC 4519 or a dotted OID. */
export type SubjectFields = { type: string; value: string }[]

const ATTRIBUTE: Record<string, string> = {
  C: OID.countryName,
  O: OID.organizationName,
  OU: OID.organizationalUnitName,
  CN: OID.commonName,
  serialNumber: OID.serialNumber,
  businessCategory: OID.businessCategory,
  organizationIdentifier: OID.organizationIdentifier,
  L: OID.localityName,
  ST: OID.stateOrProvinceName,
}
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]+$/
const DOTTED = /^[0-2](\.(0|[1-9][0-9]{0,9})){1,15}$/

/**
 * The DER of a request for this key. Throws `invalid_input` for a subject that a certificate cannot have: it
 * needs 1 to 16 fields of 1 to 255 characters, a short code as country, and DNS names of letters, digits and
 * hyphens.
 */
export function certificationRequest(
  q: { privateKey: KeyObject; subject: SubjectFields } & AltNames,
): Buffer {
  return signed(requestInfo(createPublicKey(q.privateKey), q), q.privateKey)
}

/** As `certificationRequest`, for a key that may be on a hardware token. */
export async function requestBy(q: { key: SigningKey; subject: SubjectFields } & AltNames): Promise<Buffer> {
  const publicKey = publicHalf(q.key)
  const info = requestInfo(publicKey, q)
  const value = await signDerWith(q.key, 'sha256', info)
  return der.sequence(info, signatureAlgorithm(publicKey), der.bitString(value))
}

function requestInfo(publicKey: KeyObject, q: { subject: SubjectFields } & AltNames): Buffer {
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  return der.sequence(der.integer(0), subjectName(q.subject), spki, attributes(q))
}

/**
 * The content with its SHA-256 signature, in the form that requests and certificates share (RFC 5280 4.1).
 */
export function signed(content: Buffer, privateKey: KeyObject): Buffer {
  const value = sign('sha256', content, privateKey)
  return der.sequence(content, signatureAlgorithm(privateKey), der.bitString(value))
}

/** The AlgorithmIdentifier of signatures with SHA-256. */
export function signatureAlgorithm(key: KeyObject): Buffer {
  return key.asymmetricKeyType === 'ec'
    ? der.sequence(der.oid(OID.ecdsaWithSHA256))
    : der.sequence(der.oid(OID.sha256WithRSAEncryption), der.null())
}

/** PEM text of a request. */
export function requestPem(request: Buffer): string {
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}

/** The DER of a Name; throws as `certificationRequest` does. */
export function subjectName(fields: SubjectFields): Buffer {
  if (fields.length < 1 || fields.length > 16) throw refused(say`a subject has 1 to 16 fields`)
  return der.sequence(...fields.map(rdn))
}

function rdn({ type, value }: { type: string; value: string }): Buffer {
  const oid = ATTRIBUTE[type] ?? (DOTTED.test(type) ? type : undefined)
  if (oid === undefined) throw refused(say`subject field ${type.slice(0, 40)} is not known`)
  if (value.length < 1 || value.length > 255 || /[\u0000-\u001f\u007f]/.test(value)) {
    throw refused(say`subject field ${type} needs 1 to 255 characters`)
  }
  return der.set(der.sequence(der.oid(oid), fieldValue(oid, value)))
}

function fieldValue(oid: string, value: string): Buffer {
  // RFC 5280 appendix A: country and serial number are PrintableString only.
  if (oid === OID.countryName) {
    // EJBCA puts the X-Road instance here, which is longer than the two letters of a country.
    if (!/^[A-Za-z0-9-]{2,20}$/.test(value)) throw refused(say`a country is a short code`)
    return der.printable(value)
  }
  if (oid === OID.serialNumber && PRINTABLE.test(value)) return der.printable(value)
  return der.utf8(value)
}

/** The [0] attributes: an extensionRequest with the alternative names, or none. */
function attributes(names: AltNames): Buffer {
  const extension = altNamesExtension(names)
  if (extension === undefined) return der.implicit(0, der.set())
  const attribute = der.sequence(der.oid(OID.extensionRequest), der.set(der.sequence(extension)))
  return der.implicit(0, der.set(attribute))
}

function refused(what: Word): Fault {
  return new Fault('invalid_input', { what })
}
