/**
 * A consent of a person as a provider's system tells it, and what a contract asks them to agree to.
 * Everything here was checked.
 */
import type {
  ConsentCheck,
  ConsentDemand,
  ConsentKind,
  ConsentRequestState,
  ConsentState,
} from '#schemas/consents.ts'
import type { System } from '../asking/find-systems.ts'
import type { Party, Why } from '../joining/row.ts'

/** What stands before the person: who, what, why, by which law, for how long. */
export type Demand = {
  /** Agreement names it, and holds for nothing else. */
  digest: string
  contract: { id: string; version: number; title: string }
  provider: Party
  purpose: string
  legalBasis: string
  /** As the contract has them: a wallet is given these to show. */
  services: { serviceCode: string; responseFields?: string[] }[]
  /** Last names of JSON Pointers; empty: the contract names none, so any. */
  fields: string[]
  rule: Pick<
    ConsentDemand['rule'],
    'proof' | 'attributes' | 'kinds' | 'maxDays' | 'dataLife' | 'frequency' | 'range' | 'keptAt'
  >
}

export type Consent = {
  told: System
  number: string
  /** The security server that keeps it, where its system says so: it is asked there. */
  server?: string
  state: ConsentState
  client: Party
  demand: Demand
  kind: ConsentKind
  givenAt: string
  validUntil: string
  withdrawnAt?: string
  byRepresentative: boolean
  /** The mandate service that confirmed it. */
  mandateBy?: string
  withdrawnByRepresentative: boolean
  /**
   * SHA-256 of its document, and of the text that stood before the person, hex; the record of the request
   * that gave it.
   */
  digest: string
  textHash: string
  record: number
  /** What the system that keeps it verified of a wallet's answer; in an answer about this one alone. */
  checked?: Pick<ConsentCheck, 'boundBy' | 'attested'> & {
    credentials: Pick<ConsentCheck['credentials'][number], 'issuer' | 'hasStatus'>[]
  }
  uses: { count: number; last?: string }
}

/** `messageId` is that of the exchange, as the timeline has it. */
export type ConsentUse = { time: string; messageId: string; service: Party }

/** What a consumer asks the person, by a url that serves them once. */
export type Asked = {
  told: System
  request: string
  state: ConsentRequestState
  validUntil: string
  client: Party
  demand: Demand
  /** Of the consumer, signed in its request. */
  returnUrl: URL
}

/** What a person can agree to: one contract, for one of those who may ask under it. */
export type Offered = Pick<Asked, 'client' | 'demand'>

/** The system that keeps a consent, and which of its security servers, where that is known. */
export type Keeper = { system: System; server?: string | undefined }

/** How a person came to what they answer. */
export type AnswerContext = {
  keeper: Keeper
  /** Where they read it again. */
  href: string
  /** Of the office whose one-time url led them here, with its secret. */
  request?: Pick<Asked, 'request' | 'returnUrl'> & { token: string }
}
export type AskedContext = AnswerContext & Required<Pick<AnswerContext, 'request'>>

/** What one system told of the consents of a person. */
export type Told = { system: System; consents: Consent[]; dropped: number; isCut: boolean }
export type NotTold = { system: System; why: Why }
