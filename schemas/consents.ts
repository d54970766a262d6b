/**
 * The answers of the service `consents`, where a person gives, sees and withdraws consents to contracts that
 * demand one: the provider's security server writes them, a portal reads them. consents.yaml has the same as
 * OpenAPI; docs/consents.md explains.
 */
import type { ConsentRule } from './contract.ts'
import type { Time } from './sent-values.ts'

/** The code of the service. */
export const CONSENTS = 'consents'

export type ConsentProof = ConsentRule['proof']
export type ConsentKind = ConsentRule['kinds'][number]

/** `id` in colon form; `name` of the member in the global configuration. */
export type ConsentParty = { id: string; name?: string }

/** What one contract asks a person to agree to. */
export type ConsentDemand = {
  /** SHA-256 of all that is asked for below, hex. Agreement names it, and does not hold for anything else. */
  demand: string
  contract: { id: string; version: number; title: string; validUntil: string }
  provider: ConsentParty
  /** Who may ask under the contract. A consent is for one of them. */
  clients: ConsentParty[]
  purpose: string
  legalBasis: string
  services: {
    serviceCode: string
    endpoints: { method: string; path: string }[]
    /** JSON Pointers; absent: any field. */
    requestFields?: string[]
    responseFields?: string[]
  }[]
  rule: ConsentRule
}

/** `USED_UP`: a one-time consent whose call was made. */
export const CONSENT_STATES = ['ACTIVE', 'USED_UP', 'EXPIRED', 'WITHDRAWN'] as const
export type ConsentState = (typeof CONSENT_STATES)[number]

/** One call that was made under a consent. */
export type ConsentUse = {
  time: string
  /** x-road-id of the exchange, as a tracker names it. */
  messageId: string
  requestId: string
  service: ConsentParty
}

/**
 * By what somebody acts for the person: what the provider's server asked a mandate service, and was answered.
 */
export type ConsentMandate = {
  /** Its name in the contract with the portal. */
  service: string
  /** The id of the question. */
  question: string
  /** Base64 of the SHA-256 of the answer. */
  answer: string
  at: Time
  /** When the mandate ends, where the service tells. */
  until?: Time
  /** The number of the mandate, by the portal's word (X-Road-Issue). */
  issue?: string
}

/** What the provider's server verified when a wallet proved a consent. Nobody is named in it. */
export type ConsentCheck = {
  /** The time for which it was judged. */
  judgedAt: Time
  /** Who asked the wallet, as the signed request says. */
  askedBy: string
  /**
   * What the holder signed: the words of the agreement, which the wallet had to show, or a nonce that commits
   * to it.
   */
  boundBy: 'transaction data' | 'nonce'
  /** `hasStatus`: its issuer says by a list whether it was taken back. */
  credentials: { type: string; issuer: string; hasStatus: boolean }[]
  /** What the contract demands to be attested, and which credential did. */
  attested?: Attested[]
}

/** One attribute that the contract names, and who issued the credential that attests it. */
export type Attested = { name: string; type: string; issuer: string }

export type Consent = {
  /** UUID. */
  number: string
  /** The security server that keeps it, in text form: whatever is asked about it is asked there. */
  keptAt: string
  state: ConsentState
  /** SHA-256 of the consent's canonical document, hex: log records of calls name it beside the number. */
  digest: string
  client: ConsentParty
  /** What was agreed to, as it stood then. `clients` has the one client. */
  agreed: ConsentDemand
  kind: ConsentKind
  givenAt: Time
  validUntil: Time
  withdrawnAt?: Time
  /** Somebody who acts for the person gave it. */
  byRepresentative?: true
  mandate?: ConsentMandate
  /** Somebody who acts for the person took it back. */
  withdrawnByRepresentative?: true
  proof: ConsentProof
  /** SHA-256, hex, of the record of the wallet's presentation, where one proves it. */
  presentation?: string
  /** In an answer about this one consent, where a wallet proves it. */
  checked?: ConsentCheck
  /** Of the text that the person confirmed. */
  shown: ShownText
  /**
   * The requests by which it was given and withdrawn: their records in the message log of the provider's
   * server.
   */
  records: { given: number; withdrawn?: number }
  uses: { count: number; last?: string }
}

/** `elsewhere`: other security servers, in text form, that keep consents to the same subsystem. */
export type Consents = { consents: Consent[]; elsewhere?: string[]; next?: string }

export type ConsentUses = { number: string; uses: ConsentUse[]; next?: string }

/** The language (RFC 5646) and the SHA-256, hex, of the very text that stood before the person. */
export type ShownText = { language: string; textHash: string }

/**
 * When the portal asked the wallet, and the record of what it presented (presentation-record.schema.json).
 */
export type WalletProof = { askedAt: string; presentation: object }

/** What a portal sends when the person has agreed. */
export type ConsentGiven = {
  contract: string
  /** Colon form. */
  client: string
  /** The demand that was shown. */
  demand: string
  kind: ConsentKind
  /** At most the contract's `maxDays` from now; absent: as long as the contract allows. */
  validUntil?: Time
  shown: ShownText
  /** The secret of the one-time url, if the person came by one. */
  token?: string
  /** Where the contract demands a wallet; `validUntil` is then given. */
  proof?: WalletProof
}

/** What a consumer sends that asks a person for consent. */
export type ConsentRequested = {
  contract: string
  /** Country prefix and code, as in X-Road-UserId. */
  userCode: string
  /** Where the portal leads the person afterwards; the portal adds `request` and `state`. */
  returnUrl: string
}

export const CONSENT_REQUEST_STATES = ['REQUESTED', 'GIVEN', 'DECLINED', 'EXPIRED'] as const
export type ConsentRequestState = (typeof CONSENT_REQUEST_STATES)[number]

/** For the consumer. */
export type ConsentRequest = {
  request: string
  state: ConsentRequestState
  validUntil: Time
  consent?: { number: string; state: ConsentState; validUntil: string }
}

/** The first answer to the consumer: a url that serves the one person, once. */
export type ConsentRequestMade = ConsentRequest & { url: string }

/** For the portal to which the url leads. */
export type AskedConsent = ConsentRequest & {
  client: ConsentParty
  demand: ConsentDemand
  returnUrl: string
}

/**
 * What a security server asks the one that keeps the consents of a subsystem, before a call. Identifiers are
 * in text form.
 */
export type ConsentCall = {
  /** The one whom the call is about. */
  person: { type: string; identifier: string }
  client: string
  service: string
  contract: string
  demand: string
  messageId: string
  requestId: string
}

/** Counted for this call alone at a time, or good for calls until a time. */
export type ConsentCallTaken = { number: string; digest: string } & (
  | { countedAt: string }
  | { until: string }
)

/** A call under the consent with this number. */
export type MadeCall = { number: string; time: string; service: string; messageId: string; requestId: string }
