/**
 * Adds a single time-stamp to a signature as the first of its unsigned properties, where X-Road looks for it.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

const OPEN = /<((?:[A-Za-z_][\w.-]*:)?)UnsignedSignatureProperties(?: [^<>]*[^<>/])?>/g

/**
 * Returns the document with xades:SignatureTimeStamp around `token` (DER of a time-stamp token over the
 * signature value). The rest stays the same, byte for byte, since no digest covers unsigned properties.
 * Throws `malformed_signature` if the place for it is missing or ambiguous, or if there is a time-stamp
 * already.
 */
export function insertTimeStamp(signatures: Buffer, token: Buffer): Buffer {
  // In latin1 a byte is a character: names are ASCII, and bytes of other characters stay unchanged.
  const text = signatures.toString('latin1')
  const places = [...text.matchAll(OPEN)]
  const [place] = places
  if (place === undefined || places.length > 1 || text.includes('EncapsulatedTimeStamp')) {
    throw new Fault('malformed_signature', { what: say`there is no single place for a time-stamp` })
  }
  const prefix = place[1]
  const at = place.index + place[0].length
  const stamp = `<${prefix}SignatureTimeStamp><${prefix}EncapsulatedTimeStamp>${token.toString('base64')}</${prefix}EncapsulatedTimeStamp></${prefix}SignatureTimeStamp>`
  return Buffer.concat([signatures.subarray(0, at), Buffer.from(stamp), signatures.subarray(at)])
}
