/** Verifies a signature document: the exact path for our own template, the general path for every other; one verdict. */
import type { CheckedSignature } from './checked-signature.ts'
import { checkSignatureExact } from './verify-exact.ts'
import { checkSignatureGeneral } from './verify-general.ts'

export type { CheckedSignature } from './checked-signature.ts'

/**
 * The signature in `document`, its value and the digest of its signed properties verified; coverage and trust are not.
 * Throws `invalid_signature_value`, `malformed_signature`, `invalid_xml`, `malformed_certificate`, `incorrect_certificate`.
 */
export async function checkSignature(document: Buffer): Promise<CheckedSignature> {
  return checkSignatureExact(document) ?? (await checkSignatureGeneral(document))
}
