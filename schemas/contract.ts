/**
 * Service contracts as they cross the wire between security servers and the central registry: what a contract says, the signed
 * documents about it, and the list that each server gets. Ids stand in their text form, times in ISO form with milliseconds.
 */
import type { DocumentHead } from './management-request.ts'

/** Where the identifier of the person stands that a call is about. */
export type DataSubjectPlace = {
  in: 'path' | 'query' | 'header' | 'body'
  /** The name of a path, query or header parameter, or a JSON Pointer (RFC 6901) into the body. */
  name: string
}

export type ContractService = {
  serviceCode: string
  /** Method and path pattern as access rights have them: "GET", "/persons/*". */
  endpoints: { method: string; path: string }[]
  /** JSON Pointers; absent: any field. */
  requestFields?: string[]
  responseFields?: string[]
  dataSubject?: DataSubjectPlace
}

/** A whole group under standard terms, to which each member agrees for its own subsystems, or the subsystems by name. */
export type ContractConsumers = { globalGroup: string } | { subsystems: string[] }

/** What two sides agree on. */
export type ContractTerms = {
  title: string
  provider: string
  consumers: ContractConsumers
  services: ContractService[]
  purpose: string
  legalBasis: string
  personalData: boolean
  /** How much of the messages both logs keep. */
  logLevel: 'full' | 'digest' | 'none'
  retentionDays: number
  /** Hides its exchanges from auditors, except those with the role for it on servers that one of these members owns. */
  secret?: { visibleTo: string[] }
  quota?: { perSecond?: number; burst?: number; perDay?: number }
  validFrom: string
  validUntil: string
  reviewAt: string
  /** When it is overdue it goes on, and the registry and both sides are told every day. */
  critical: boolean
  /** How long exchanges may go on when the registry cannot be asked for its state. */
  outageGraceHours: number
  contacts: { member: string; name: string; email: string }[]
}

/** The whole content; its SHA-256 in canonical form (RFC 8785) is what everybody agrees to. */
export type ContractContent = ContractTerms & {
  /** UUID, the same for all versions. */
  contract: string
  version: number
  /** Hash of the version that was in force when this one was proposed. */
  supersedes?: string
}

export const CONTRACT_STATES = [
  'PROPOSED',
  'ACCEPTED',
  'ACTIVE',
  'SUSPENDED',
  'EXPIRED',
  'TERMINATED',
  'SUPERSEDED',
  'DECLINED',
  'WITHDRAWN',
] as const
/** ACCEPTED: all have sealed it, the registry has to approve it. */
export type ContractState = (typeof CONTRACT_STATES)[number]

/**
 * Whether the e-mail address of a contact is known to reach the member. ASKED: a letter with a code is on its way; REFUSED: the mail
 * server takes nothing for it; ELSEWHERE: the registry of the member's own instance asks.
 */
export const CONTACT_STATES = ['CONFIRMED', 'ASKED', 'UNCONFIRMED', 'REFUSED', 'ELSEWHERE'] as const
export type ContactState = (typeof CONTACT_STATES)[number]

export const CONTRACT_SIDES = ['provider', 'consumers'] as const
export type ContractSide = (typeof CONTRACT_SIDES)[number]

/** The `typ` of each document's JWS: one cannot stand for another. */
export const CONTRACT_DOCUMENT = {
  proposal: 'concordat-contract-proposal',
  seal: 'concordat-contract-seal',
  act: 'concordat-contract-act',
  confirmation: 'concordat-contact-confirmation',
  letter: 'concordat-contact-letter',
  query: 'concordat-contract-query',
  fetch: 'concordat-contract-fetch',
  list: 'concordat-contract-list',
  partnerQuery: 'concordat-contract-partner-query',
  partnerList: 'concordat-contract-partner-list',
  counterSeal: 'concordat-contract-counter-seal',
} as const

export type ContractProposal = DocumentHead & { server: string; content: ContractContent }

/** A member's agreement to exactly one content. */
export type ContractSeal = DocumentHead & {
  server: string
  contract: string
  version: number
  hash: string
  /** The two people who agreed on behalf of the member, by the names that its server knows them by. */
  mandated: string[]
  /** Of a group's contract: the member's subsystems for which it joins. */
  subsystems?: string[]
}

export const MEMBER_ACTS = ['withdraw', 'decline', 'terminate'] as const
export type MemberAct = (typeof MEMBER_ACTS)[number]
export type ContractAct = DocumentHead & {
  server: string
  contract: string
  hash: string
  act: MemberAct
  reason: string
  /** Who decided on behalf of the member: two people who terminate, one who declines or withdraws; an older server names nobody. */
  mandated?: string[]
}

/** A member gives back the code that was sent to the address of a contact of its own. */
export type ContactConfirmation = DocumentHead & {
  server: string
  contract: string
  email: string
  code: string
  /** Who gave it, by the name that the member's server knows them by. */
  person: string
}

/** A member wants the letter to a contact of its own sent again. */
export type ContactLetter = DocumentHead & { server: string; contract: string; email: string }

export type ContractQuery = DocumentHead & { server: string }
/** Contents and seals by their SHA-256. */
export type ContractFetch = DocumentHead & { server: string; hashes: string[] }

export type ListedContract = {
  contract: string
  version: number
  hash: string
  state: ContractState
  /** SHA-256 of each seal's bytes. */
  seals: string[]
  /** Members whose seal is still missing. */
  waitsFor: string[]
  /** Why it is suspended, was declined or has ended. */
  reason?: string
  /** Which member proposed this content and when, and when its state last changed; absent in a list of an older registry. */
  proposedBy?: string
  proposedAt?: string
  changedAt?: string
  /** Since when it was in force, of what is or was. */
  inForceAt?: string
  /** Of what is undecided or in force, in the order of the content's contacts; absent where the registry sends no e-mail. */
  contacts?: ContactState[]
  /** The sides of what is undecided that have no confirmed contact, where the instance's policy wants one; else absent. */
  contactsMissing?: ContractSide[]
  /** Of a contract between two instances: SHA-256 of the counter-seal of each registry, once it agreed. */
  counterSeals?: string[]
}

/** A registry's agreement to a contract between two instances: all members have sealed it, and its own policy is met. */
export type CounterSeal = {
  instance: string
  contract: string
  version: number
  hash: string
  at: string
}

/**
 * What one registry asks another: which contracts there are between both, or, by `hashes`, contents and seals. Signed by a
 * configuration signing key, which the other one knows from the anchor.
 */
export type PartnerQuery = {
  id: string
  createdAt: string
  instance: string
  asked: string
  hashes?: string[]
  /** What `next` of the page before said. */
  after?: PartnerPlace
}

/** A version in the order of a list's pages. */
export type PartnerPlace = { contract: string; version: number }

/** A version of a contract between two instances, as one of their registries has it. */
export type PartnerContract = {
  contract: string
  version: number
  hash: string
  state: ContractState
  /** The instance at whose registry this content was proposed, and by which member. */
  origin: string
  proposedBy: string
  seals: string[]
  counterSeal?: string
  reason?: string
}

export type PartnerList = {
  instance: string
  /** The instance that asked. */
  asked: string
  /** The id of the query. */
  answers: string
  generatedAt: string
  contracts: PartnerContract[]
  /** Where the next page begins, while there are more contracts in force. */
  next?: PartnerPlace
}

/** What a server is told, signed by a configuration signing key: it answers one query, so no older one can stand for it. */
export type ContractList = {
  instance: string
  server: string
  /** The id of the query. */
  answers: string
  generatedAt: string
  /** An exchange needs a contract beside the provider's access rights. */
  contractRequired: boolean
  contracts: ListedContract[]
}

/** The answer to a fetch: some or all of what was asked for, base64. */
export type ContractItems = { items: { sha256: string; content: string }[] }
