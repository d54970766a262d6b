/**
 * Service contracts on the wire between security servers and the central registry: the content of a contract,
 * the signed documents about it, and the list that each server gets. Identifiers are in text form, times in
 * ISO form with milliseconds.
 */
import type { DocumentHead } from './management-request.ts'
import type { Time, Uuid, Whole } from './sent-values.ts'

/** Where in a message the identifier of the person is whom the call is about. */
export type DataSubjectPlace = {
  in: 'path' | 'query' | 'header' | 'body'
  /** The name of a path, query or header parameter, or a JSON Pointer (RFC 6901) into the body. */
  name: string
}

export type ContractService = {
  serviceCode: string
  /** Method and path pattern, as in access rights: "GET", "/persons/*". */
  endpoints: { method: string; path: string }[]
  /** JSON Pointers to the allowed fields of the request; absent: any field. */
  requestFields?: string[]
  responseFields?: string[]
  dataSubject?: DataSubjectPlace
  representation?: Representation
}

/**
 * What is asked of a call that names a represented party. Absent: it is carried and recorded as the client
 * asserts it.
 */
export type Representation = { check: 'none' | 'asserted' | 'hostingMandate' } | MandateServiceCheck

/** The provider's security server asks a mandate service before each call. */
export type MandateServiceCheck = {
  check: 'mandateService'
  /** The name under which the settings of the provider's security server have it. */
  service: string
  /** Who has to hold the mandate: the user that the request names, or the client's member. */
  delegate: 'user' | 'member'
  /** One of these suffices: "NS:ROLE" or "NS:*" of Pääsuke, the mandate theme of Suomi.fi. */
  roles: string[]
  /** For how many seconds a mandate that was found may serve further calls; absent: each call asks. */
  answerSeconds?: Whole
}

/** A length of time in the calendar of UTC. */
export type Span = { unit: 'day' | 'month' | 'year'; value: number }

/** Where an attribute stands: in credentials of one kind. */
export type AttributePlace = {
  format: 'dc+sd-jwt' | 'mso_mdoc'
  /** `vct`, or the doctype of a mobile document. */
  type: string
  /**
   * Names from the outside in; null, as the last, for any member of a list. Of a mobile document name space
   * and element.
   */
  claim: (string | null)[]
  /**
   * Names in the registry's list of trusted issuers; absent: all whom it trusts for such a credential and
   * claim.
   */
  issuers?: string[]
}

/** What the wallet of the person attests when they agree, beside who they are. */
export type AttestedAttribute = {
  /** In words, for people. */
  name: string
  /** What it has to be, one of these; absent: anything. */
  values?: (string | number | boolean)[]
  /** One of these places suffices. */
  from: AttributePlace[]
}

/**
 * The person whom a call is about has to have agreed: the provider's security server asks for the consent
 * before each call.
 */
export type ConsentRule = {
  /** How the person proves that they agree: by the login of a portal, or with their wallet. */
  proof: 'login' | 'wallet'
  /** What their wallet has to attest besides; then `proof` is `wallet`. */
  attributes?: AttestedAttribute[]
  /** For one call, or for all until it ends. */
  kinds: ('once' | 'standing')[]
  /** For how long a consent may hold. */
  maxDays: Whole
  /** For how long the consumer keeps what it gets. */
  dataLife: Span
  /** How many calls a consent allows in any such time; absent: the contract's quota alone bounds them. */
  frequency?: { times: number; per: 'hour' | 'day' | 'month' | 'year' }
  /** How far back the data reach; absent: as far as there are any. */
  range?: Span
  /** The codes of the services that need the consent; absent: all of the contract. */
  services?: string[]
  /**
   * The security server that keeps the consents, in text form: one of those at which the provider's subsystem
   * is registered. Absent: the only one.
   */
  keptAt?: string
}

/** The person whom a call is about sees the answer before the consumer gets it, and may stop it. */
export type PreviewRule = {
  /**
   * For so long an answer waits for the person, and as long again, once they have released it, for the
   * consumer.
   */
  minutes: Whole
  /** The codes of the services whose answers are shown first; absent: all of the contract. */
  services?: string[]
}

/**
 * Either a whole group under standard terms, which each member accepts for its own subsystems, or named
 * subsystems.
 */
export type ContractConsumers = { globalGroup: string } | { subsystems: string[] }

/** The terms on which the two sides agree. */
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
  retentionDays: Whole
  /**
   * Hides the exchanges of this contract from auditors. Exceptions are auditors with the role for secret
   * contracts, on servers whose owner is one of these members.
   */
  secret?: { visibleTo: string[] }
  quota?: { perSecond?: number; burst?: number; perDay?: number }
  consent?: ConsentRule
  preview?: PreviewRule
  validFrom: Time
  validUntil: Time
  reviewAt: Time
  /**
   * When the contract is overdue, exchanges continue, and the registry and both sides get a warning every
   * day.
   */
  critical: boolean
  /**
   * How long exchanges may continue, beyond what holds for all, while the registry cannot be reached; no time
   * with `consent` or `preview`.
   */
  outageGraceHours: Whole
  /** Needed for `outageGraceHours` to hold for personal data as well. */
  outageGracePersonalData?: boolean
  contacts: { member: string; name: string; email: string }[]
}

/** The whole content. All parties agree to the SHA-256 of its canonical form (RFC 8785). */
export type ContractContent = ContractTerms & {
  /** UUID, the same for all versions. */
  contract: Uuid
  version: Whole
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
/** ACCEPTED: all members have sealed it, and the registry has to approve it. */
export type ContractState = (typeof CONTRACT_STATES)[number]

/**
 * Whether the e-mail address of a contact is known to reach the member. ASKED: a letter with a code was sent.
 * REFUSED: the mail server refuses mail to the address. ELSEWHERE: the registry of the member's own instance
 * asks.
 */
export const CONTACT_STATES = ['CONFIRMED', 'ASKED', 'UNCONFIRMED', 'REFUSED', 'ELSEWHERE'] as const
export type ContactState = (typeof CONTACT_STATES)[number]

export const CONTRACT_SIDES = ['provider', 'consumers'] as const
export type ContractSide = (typeof CONTRACT_SIDES)[number]

/** The `typ` of each document's JWS, so that no document can pass for another kind. */
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
  contract: Uuid
  version: Whole
  hash: string
  /** The two people who agreed on behalf of the member, by their user names on its server. */
  mandated: string[]
  /** For a group's contract: the member's subsystems that join. */
  subsystems?: string[]
}

export const MEMBER_ACTS = ['withdraw', 'decline', 'terminate'] as const
export type MemberAct = (typeof MEMBER_ACTS)[number]
export type ContractAct = DocumentHead & {
  server: string
  contract: Uuid
  hash: string
  act: MemberAct
  reason: string
  /**
   * Who decided on behalf of the member: two people to terminate, one to decline or withdraw. Absent from an
   * older server.
   */
  mandated?: string[]
}

/** A member returns the code that was sent to the address of one of its own contacts. */
export type ContactConfirmation = DocumentHead & {
  server: string
  contract: Uuid
  email: string
  code: string
  /** The person who returned it, by the user name on the member's server. */
  person: string
}

/** A member asks the registry to send the letter to one of its own contacts again. */
export type ContactLetter = DocumentHead & { server: string; contract: Uuid; email: string }

export type ContractQuery = DocumentHead & { server: string }
/** Asks for contents and seals by their SHA-256. */
export type ContractFetch = DocumentHead & { server: string; hashes: string[] }

export type ListedContract = {
  contract: Uuid
  version: Whole
  hash: string
  state: ContractState
  /** SHA-256 of the bytes of each seal. */
  seals: string[]
  /** Members whose seal is still missing. */
  waitsFor: string[]
  /** Why it is suspended, was declined, or has ended. */
  reason?: string
  /**
   * The member that proposed this content, the time of the proposal, and the last change of state. Absent in
   * a list of an older registry.
   */
  proposedBy?: string
  proposedAt?: Time
  changedAt?: Time
  /** Since when it is or was in force. */
  inForceAt?: Time
  /**
   * Only while undecided or in force, in the order of the content's contacts. Absent if the registry sends no
   * e-mail.
   */
  contacts?: ContactState[]
  /** Only while undecided: the sides without a confirmed contact, if the instance's policy requires one. */
  contactsMissing?: ContractSide[]
  /** For a contract between two instances: SHA-256 of the counter-seal of each registry that has agreed. */
  counterSeals?: string[]
}

/**
 * A registry's agreement to a contract between two instances: all members have sealed it, and the registry's
 * own policy is met.
 */
export type CounterSeal = {
  instance: string
  contract: Uuid
  version: Whole
  hash: string
  at: Time
}

/**
 * A registry's question to another: which contracts exist between both instances or, with `hashes`, contents
 * and seals. Signed with a configuration signing key, which the other registry knows from the anchor.
 */
export type PartnerQuery = {
  id: string
  createdAt: Time
  instance: string
  asked: string
  hashes?: string[]
  /** The `next` of the preceding page. */
  after?: PartnerPlace
}

/** The position of a version in the order of a list's pages. */
export type PartnerPlace = { contract: Uuid; version: Whole }

/** A version of a contract between two instances, according to one of their registries. */
export type PartnerContract = {
  contract: Uuid
  version: Whole
  hash: string
  state: ContractState
  /** The instance at whose registry this content was proposed, and the proposing member. */
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
  generatedAt: Time
  contracts: PartnerContract[]
  /** Where the next page begins; absent on the last page. */
  next?: PartnerPlace
}

/**
 * The registry's list for a server, signed with a configuration signing key. It answers one query, so an
 * older list cannot replace it.
 */
export type ContractList = {
  instance: string
  server: string
  /** The id of the query. */
  answers: string
  generatedAt: Time
  /** Whether an exchange needs a contract in addition to the provider's access rights. */
  contractRequired: boolean
  contracts: ListedContract[]
  /**
   * The hosting mandates in force of members that may call under a listed contract which asks for one.
   * Present only when there is such a contract: a server that does not know this field could be no party of
   * it.
   */
  hostingMandates?: ListedMandate[]
}

/** What a server reads of a registry's signed list. Enough for some 20,000 contracts. */
export const MAX_CONTRACT_LIST_BYTES = 16 * 1024 * 1024

/**
 * More hosting mandates, or more octets of them, are in no list: those with the highest numbers are left out,
 * and their parties are not represented. The registry grants no more.
 */
export const MOST_LISTED_MANDATES = 50_000
/** In base64 two thirds of the largest list; contracts have the rest. */
export const MAX_MANDATES_OCTETS = 8 * 1024 * 1024
/**
 * Of one without its two texts, which are ASCII: names of fields, a number of up to sixteen digits, a time.
 */
const MANDATE_OCTETS = 88

/** The octets that a mandate takes in a list, at most. */
export function mandateOctets({ host, client }: Pick<ListedMandate, 'host' | 'client'>): number {
  return MANDATE_OCTETS + host.length + client.length
}

/** A hosting mandate for a whole member, by its number in the registry. */
export type ListedMandate = { id: number; host: string; client: string; validUntil: string }

/** The answer to a fetch: some or all of the requested items, in base64. */
export type ContractItems = { items: { sha256: string; content: string }[] }
