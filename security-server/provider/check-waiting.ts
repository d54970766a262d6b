/**
 * Guarantees that asking whether a person has decided on an answer uses up nothing: no quota, no place, no
 * consent, no question to a mandate service. A consumer asks by repeating its call, every few seconds for as
 * long as the person takes.
 */
import type { AllowedRequest } from './check-contract.ts'
import { previewQuestion, referenceIn } from './check-preview.ts'
import type { ProviderRooms } from './rooms.ts'

/**
 * Resolves to the digest of the call, where it was needed: of a large document it takes a thread. Throws
 * `preview_waiting`, `preview_elsewhere`, and for a call that brings a reference what `checkPreview` throws
 * of its form.
 */
export async function checkWaiting(
  allowed: AllowedRequest,
  rooms: ProviderRooms,
): Promise<string | undefined> {
  const { preview } = allowed.terms
  if (preview === undefined) return undefined
  const reference = referenceIn(allowed)
  if (reference === undefined) return undefined
  const question = await previewQuestion(allowed, preview)
  await rooms.previews.checkDecided(question, reference)
  return question.call
}
