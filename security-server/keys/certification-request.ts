/** PKCS#10 certification requests (RFC 2986), written with our own DER and signed with SHA-256. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'

/** A distinguished name in the order of its RDNs: short names of RFC 4519 or dotted OIDs. */
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
const DNS_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/

/**
 * The DER of a request for this key. Throws `invalid_input` for a subject that cannot stand in a certificate:
 * 1 to 16 fields of 1 to 255 characters, a short code as country, DNS names of letters, digits and hyphens.
 */
export function certificationRequest(q: {
  privateKey: KeyObject
  subject: SubjectFields
  dnsNames?: string[] | undefined
}): Buffer {
  const spki = createPublicKey(q.privateKey).export({ format: 'der', type: 'spki' })
  const info = der.sequence(der.integer(0), subjectName(q.subject), spki, attributes(q.dnsNames ?? []))
  const value = sign('sha256', info, q.privateKey)
  const algorithm =
    q.privateKey.asymmetricKeyType === 'ec'
      ? der.sequence(der.oid(OID.ecdsaWithSHA256))
      : der.sequence(der.oid(OID.sha256WithRSAEncryption), der.null())
  return der.sequence(info, algorithm, der.bitString(value))
}

/** PEM text of a request. */
export function requestPem(request: Buffer): string {
  const lines = request.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}

function subjectName(fields: SubjectFields): Buffer {
  if (fields.length < 1 || fields.length > 16) throw refused('a subject has 1 to 16 fields')
  return der.sequence(...fields.map(rdn))
}

function rdn({ type, value }: { type: string; value: string }): Buffer {
  const oid = ATTRIBUTE[type] ?? (DOTTED.test(type) ? type : undefined)
  if (oid === undefined) throw refused(`subject field ${type.slice(0, 40)} is not known`)
  if (value.length < 1 || value.length > 255 || /[\u0000-\u001f\u007f]/.test(value)) {
    throw refused(`subject field ${type} needs 1 to 255 characters`)
  }
  return der.set(der.sequence(der.oid(oid), fieldValue(oid, value)))
}

function fieldValue(oid: string, value: string): Buffer {
  // RFC 5280 appendix A: these two are PrintableString only.
  if (oid === OID.countryName) {
    // Ejbca puts the instance here, which has more than the two letters of a country.
    if (!/^[A-Za-z0-9-]{2,20}$/.test(value)) throw refused('a country is a short code')
    return der.printable(value)
  }
  if (oid === OID.serialNumber && PRINTABLE.test(value)) return der.printable(value)
  return der.utf8(value)
}

/** [0] attributes: an extensionRequest with the DNS names, or nothing. */
function attributes(dnsNames: string[]): Buffer {
  if (dnsNames.length === 0) return der.implicit(0, der.set())
  if (dnsNames.length > 20 || !dnsNames.every((name) => DNS_NAME.test(name))) {
    throw refused('a DNS name is not well formed')
  }
  const names = der.sequence(...dnsNames.map((name) => der.contextPrimitive(2, Buffer.from(name, 'latin1'))))
  const extension = der.sequence(der.oid(OID.subjectAltName), der.octetString(names))
  const attribute = der.sequence(der.oid(OID.extensionRequest), der.set(der.sequence(extension)))
  return der.implicit(0, der.set(attribute))
}

function refused(what: string): Fault {
  return new Fault('invalid_input', { what })
}
