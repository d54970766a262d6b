/** A consent of a person as a provider's system tells it, and what a contract asks them to agree to. Everything here was checked. */
import type { ConsentDemand, ConsentKind, ConsentRequestState, ConsentState } from '#schemas/consents.ts'
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
  rule: Pick<ConsentDemand['rule'], 'proof' | 'kinds' | 'maxDays' | 'dataLife' | 'frequency' | 'range'>
}

export type Consent = {
  told: System
  number: string
  state: ConsentState
  client: Party
  demand: Demand
  kind: ConsentKind
  givenAt: string
  validUntil: string
  withdrawnAt?: string
  byRepresentative: boolean
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

/** What one system told of the consents of a person. */
export type Told = { system: System; consents: Consent[]; dropped: number; isCut: boolean }
export type NotTold = { system: System; why: Why }
