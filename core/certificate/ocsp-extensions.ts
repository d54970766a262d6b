/**
 * The extensions of OCSP messages and time-stamps. The caller passes the ones that it knows; an unknown
 * critical extension makes the whole message refused (RFC 6960 4.4, RFC 3161 2.4.1).
 */
import { type Der, malformed, parseDer, readOctetString } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { type Extension, readExtensionList } from './extensions.ts'

// RFC 9654 2.1: 1 to 128 octets; requesters should send 32.
const MAX_NONCE = 128

/**
 * Reads a list of extensions. Throws `malformed_der` for a repeated extension, or a critical one outside
 * `known`.
 */
export function readMessageExtensions(list: Der, known: readonly string[]): ReadonlyMap<string, Extension> {
  const found = readExtensionList(list)
  for (const { oid, critical } of found.values()) {
    if (critical && !known.includes(oid)) throw malformed(`critical extension ${oid} is not known`)
  }
  return found
}

/** The nonce, unwrapped, in an optional list of extensions. */
export function readNonce(list: Der | undefined): Buffer | undefined {
  if (list === undefined) return undefined
  const extension = readMessageExtensions(list, [OID.ocspNonce]).get(OID.ocspNonce)
  if (extension === undefined) return undefined
  const nonce = readOctetString(parseDer(extension.value))
  if (nonce.length === 0 || nonce.length > MAX_NONCE) throw malformed('nonce of wrong length')
  return nonce
}

/** The extensions with this nonce only; an empty list without a nonce. */
export function writeNonce(nonce: Buffer | undefined): Buffer[] {
  if (nonce === undefined) return []
  return [der.sequence(der.sequence(der.oid(OID.ocspNonce), der.octetString(der.octetString(nonce))))]
}
