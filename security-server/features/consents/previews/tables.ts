/**
 * The row of an answer that a person sees first. Identifiers are in text form, times in ISO form with
 * milliseconds.
 */
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

/** `TAKEN`: by a call that is under way. `VOID`: another took its place, or its time ran out. */
export type PreviewRowState = 'WAITING' | 'RELEASED' | 'TAKEN' | 'GIVEN' | 'STOPPED' | 'VOID'

export type PreviewRow = {
  number: Uuid
  /** The provider's subsystem. */
  subsystem: string
  /** See `../people-names.ts`. */
  person: string
  client: string
  service: string
  contract: Uuid
  /** As a person's name: HMAC of what makes two calls the same. */
  call: string
  /** SHA-256 of the consumer's reference, and of the secret of the person's url. */
  reference_hash: string
  token_hash: string
  /** HMAC of the number and the answer, hex. */
  answer: string
  state: PreviewRowState
  asked_at: Time
  valid_until: Time
  minutes: Whole
  /** `PreviewWords`, JSON. */
  words: string
  /** The answer, sealed; only while it waits. */
  content: string | null
  /** Of the call that has or had it. */
  taken_by: string
  given_at: Time | null
  decided_at: Time | null
  /** `PreviewDocument`, JSON, and its digest. */
  document: string | null
  digest: string | null
  /**
   * The document by which it was released, once it was stopped after all: calls were logged by its digest.
   */
  released: string | null
}

/** What stands before the person, as the contract had it when the call came. */
export type PreviewWords = {
  contract: { id: string; version: Whole; title: string }
  purpose: string
  legalBasis: string
  /** The number of the consent under which the call came. */
  consent?: string
}

export type PreviewTables = { preview: PreviewRow }
