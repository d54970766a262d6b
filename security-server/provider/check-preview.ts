/**
 * Guarantees that a call under a contract whose answers people see first names one person, can be made twice,
 * and, where it brings the reference of a preview, that this person has released the answer to this very
 * call. Nothing is given without one: `hold-for-preview.ts`.
 */
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { PreviewTerms } from '../global-configuration/contracts/index-contracts.ts'
import { isKeptHere } from '../local-systems/check-address.ts'
import type { PreviewQuestion, TakenPreview } from '../peer/previews.ts'
import type { Consented } from './check-consent.ts'
import type { AllowedRequest } from './check-contract.ts'
import { findPerson } from './find-person.ts'
import type { ProviderRooms } from './rooms.ts'

export type Previewed = {
  preview?: { question: PreviewQuestion; taken: TakenPreview | undefined }
}

/**
 * `call` is its digest, where it is known. Throws what `previewQuestion` throws, `too_many_requests`, and
 * what `Previews.take` throws.
 */
export async function checkPreview<T extends AllowedRequest & Consented>(
  allowed: T,
  call: string | undefined,
  rooms: ProviderRooms,
): Promise<T & Previewed> {
  const { preview: wanted } = allowed.terms
  if (wanted === undefined) return allowed
  const question = await previewQuestion(allowed, wanted, call)
  const reference = referenceIn(allowed)
  if (reference === undefined) {
    await rooms.previews.checkRoom(question)
    return { ...allowed, preview: { question, taken: undefined } }
  }
  const taken = await rooms.previews.take(question, reference)
  return { ...allowed, preview: { question, taken } }
}

/** Of the preview that the request names. Throws `preview_void`. */
export function referenceIn({
  codec,
  request,
}: Pick<AllowedRequest, 'codec' | 'request'>): string | undefined {
  const references = codec.previewReferences(request)
  if (references.length > 1) throw new Fault('preview_void', { what: 'it is there more than once' })
  return references[0]
}

/** Throws `preview_impossible`, and `invalid_soap` for a document that cannot be parted from its header. */
export async function previewQuestion(
  allowed: AllowedRequest & Consented,
  wanted: PreviewTerms,
  call?: string,
): Promise<PreviewQuestion> {
  const { codec, request, terms, local, consent } = allowed
  const { contract } = terms
  const impossible = (why: string): Fault =>
    new Fault('preview_impossible', { what: `${contract || wanted.contract}: ${why}` })
  const { client, service, id, requestId, method } = request
  if (method !== 'GET' && method !== 'POST') throw impossible('only GET and POST are made twice')
  if (local === undefined || isKeptHere(local.url))
    throw impossible('this server itself answers for the service')
  const { subjects, fault } = await findPerson(allowed, wanted.places)
  const [person, ...others] = subjects
  if (person === undefined || others.length > 0 || fault !== undefined)
    throw impossible('the request has to name one person where the contract says, and no other')
  return {
    ...{ person, client: idText(client), service: idText(service), terms: wanted },
    contract: contract || wanted.contract,
    call: call ?? (await codec.callDigest(allowed)),
    ...(consent !== undefined && { consent: consent.consent }),
    ids: { id, requestId },
  }
}

/** What the record of the request says, when it is carried out for an answer that was released. */
export function previewFacts({ preview }: Previewed): Record<string, string> {
  if (preview?.taken === undefined) return {}
  const { number, digest, releasedAt } = preview.taken
  return { preview: number, previewDigest: digest, previewReleasedAt: releasedAt }
}
