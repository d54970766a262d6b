/**
 * Verifies a signature document: the exact path for documents in the bytes of our own writer or of X-Road's,
 * the general path for all others. The verdict is the same.
 */
import type { CheckedSignature } from './checked-signature.ts'
import { checkSignatureExact } from './verify-exact.ts'
import { checkSignatureXRoad } from './verify-exact-x-road.ts'
import { checkSignatureGeneral } from './verify-general.ts'

export type { CheckedSignature } from './checked-signature.ts'

/**
 * Verifies the signature value and the digest of the signed properties in `document`; does not check coverage
 * or trust. Throws `invalid_signature_value`, `malformed_signature`, `invalid_xml`, `malformed_certificate`
 * or `incorrect_certificate`.
 */
export async function checkSignature(document: Buffer): Promise<CheckedSignature> {
  return (
    checkSignatureExact(document) ?? checkSignatureXRoad(document) ?? (await checkSignatureGeneral(document))
  )
}
