/**
 * The answers of the service `consents` about previews: what a consumer would get of a person, shown to that
 * person first. The provider's security server writes them, a portal reads them. consents.yaml has the same
 * as OpenAPI; docs/previews.md explains.
 */
import type { ConsentParty, ShownText } from './consents.ts'
import type { Time } from './sent-values.ts'

/**
 * `RELEASED`: the consumer may fetch it. `GIVEN`: it has. `OVER`: its time ran out, or the consumer asked
 * anew.
 */
export const PREVIEW_STATES = ['WAITING', 'RELEASED', 'GIVEN', 'STOPPED', 'OVER'] as const
export type PreviewState = (typeof PREVIEW_STATES)[number]

export type Preview = {
  /** UUID. */
  number: string
  state: PreviewState
  client: ConsentParty
  /** The service that answered. */
  service: ConsentParty
  contract: { id: string; version: number; title: string }
  purpose: string
  legalBasis: string
  askedAt: Time
  /** Until then the person decides or, once they have released it, the consumer fetches it. */
  validUntil: Time
  decidedAt?: Time
  givenAt?: Time
  /**
   * Where several security servers serve the subsystem: the one that keeps it, in text form, which alone
   * shows it and lets it be decided.
   */
  keptAt?: string
}

/**
 * `elsewhere`: the other security servers of the subsystem, in text form, which keep answers of their own;
 * then `toldBy` is the one that tells.
 */
export type Previews = { previews: Preview[]; elsewhere?: string[]; toldBy?: string; next?: string }

/** The answer of the provider's system, while it waits for the person. */
export type PreviewAnswer = {
  status: number
  contentType?: string
  /** Base64 of exactly what the consumer would get. */
  content: string
  /** Hex, of this preview and these octets: what the person releases is named by it. */
  digest: string
}

/** One that waits has its answer; no other has. */
export type PreviewShown = Preview & { answer?: PreviewAnswer }

/** What a portal sends when the person releases an answer. */
export type PreviewReleased = {
  /** The digest of the answer that was shown. */
  answer: string
  shown: ShownText
}
