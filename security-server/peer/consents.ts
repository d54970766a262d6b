/**
 * What the provider's half asks of the consents of people; the list of features passes the implementation in.
 */
import type { Subject } from '#core/subject/read-subjects.ts'
import type { ConsentTerms } from '../global-configuration/contracts/index-contracts.ts'

export type ConsentQuestion = {
  /** The one person whom the call is about. */
  person: Subject
  /** Identifiers in text form. */
  client: string
  service: string
  terms: Pick<ConsentTerms, 'contract' | 'demand' | 'rule'>
  ids: { id: string; requestId: string }
}

export type TakenConsent = {
  number: string
  /** SHA-256 of its document, hex. */
  digest: string
  /**
   * For a call that is not made after all. Does nothing when the database cannot be asked: then it stays
   * counted.
   */
  giveBack(): Promise<void>
}

export type Consents = {
  /**
   * The consent under which the call goes, with the call counted. Throws `consent_missing`, `consent_ended`,
   * `consent_used_up`, and `consent_unknown` while nobody can say.
   */
  take(q: ConsentQuestion): Promise<TakenConsent>
}
