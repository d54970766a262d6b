/** The rows of consents. Identifiers are in text form, times in ISO form with milliseconds. */
import type { ConsentKind } from '#schemas/consents.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

export type ConsentRow = {
  number: Uuid
  /** The provider's subsystem. */
  subsystem: string
  /** See `people-names.ts`. */
  person: string
  client: string
  contract: Uuid
  demand: string
  kind: ConsentKind
  given_at: Time
  valid_until: Time
  digest: string
  /** `ConsentDocument`, JSON. */
  document: string
  /** `ConsentDemand` as it stood when it was given, JSON. */
  agreed: string
  /** The record of what a wallet presented, sealed (`seal-presentation.ts`). */
  presentation: string | null
  /** SHA-256 of what makes that presentation one, hex: none serves twice. */
  presented: string | null
  withdrawn_at: Time | null
  withdrawn_record: Whole | null
  /** Who took it back for the person, named as people are; null: the person. */
  withdrawn_by: string | null
  /** As `uses`. */
  last_use: Time | null
  /** In the database without the calls that `CallsRow` counts. */
  uses: Whole
  stretch: string
  stretch_uses: Whole
}

/**
 * `client`: of a call under a consent that another server keeps; null where the consent is here. `to_tell`:
 * the security server that has still to hear of the call, in text form; null where none has.
 */
export type UseRow = {
  number: Uuid
  time: Time
  request_id: string
  message_id: string
  service: string
  client: string | null
  to_tell: string | null
}

/**
 * How many calls that no number bounds were made under a consent: in a table of its own, of which many rows
 * stand on a page.
 */
export type CallsRow = { number: Uuid; uses: Whole; last_use: string }

export type RequestRow = {
  request: string
  token_hash: string
  subsystem: string
  client: string
  contract: Uuid
  person: string
  return_url: string
  asked_at: Time
  valid_until: Time
  state: 'REQUESTED' | 'GIVEN' | 'DECLINED'
  /** Of the consent that was given. */
  number: Uuid | null
  /** The person's code, sealed, where the form of the request has it in answers. */
  code: string | null
}

/**
 * A list of trusted issuers by which presentations were judged, JSON, for as long as a consent rests on it.
 */
export type IssuersRow = { digest: string; list: string; needed_until: string }

export type Tables = {
  consent: ConsentRow
  consent_use: UseRow
  consent_calls: CallsRow
  consent_request: RequestRow
  consent_issuers: IssuersRow
  consent_key: { one: number; sealed: Buffer; key_id: string }
}
