/**
 * The answers of the service `offers`, by which a service of an agency comes to a person: an adapter of the
 * agency writes them, a portal reads them. offers.yaml has the same as OpenAPI; docs/life-events.md explains.
 */

/** A text by language. */
export type Texts = Record<string, string>

export type OfferValue = string | number | boolean

export type OfferState =
  | 'offered'
  | 'opened'
  | 'sending'
  | 'submitted'
  | 'decided'
  | 'declined'
  | 'taken-back'
  | 'over'

/** How the person came: by themselves, by a clerk under a mandate, with the code of a letter. */
export type OfferChannel = 'web' | 'counter' | 'letter'

type OfferedCall = {
  name: string
  agency: Texts
  service: string
  purpose: Texts
  contract?: string
  legalBasis: string
  needsAgreement: boolean
  /** What it is asked for. */
  fields: Texts[]
}

export type Offer = {
  id: string
  state: OfferState
  title: Texts
  text: Texts
  why: Texts
  legalBasis: string
  madeAt: string
  endsAt: string
  calls: OfferedCall[]
  /** SHA-256 of `calls`, base64url: who agrees names what they were shown. */
  shown: string
  number?: string
  outcome?: Texts
  takenBack?: Texts
}

export type FieldKind = 'text' | 'number' | 'date' | 'yes-no'

/** Where a value of the form comes from. */
export type ValueSource = {
  agency: Texts
  service: string
  contract?: string
  legalBasis: string
  time: string
  messageId: string
}

export type FormField = {
  name: string
  label: Texts
  kind: FieldKind
  isRequired: boolean
  value?: OfferValue
  from: 'register' | 'nobody'
  /** A register gave a value, which is not shown to who has nothing but a letter. */
  isHidden?: true
  source?: ValueSource
  correctAt?: Texts
}

export type CallOutcome = 'answered' | 'nothing' | 'refused' | 'away' | 'not-agreed'

export type AskedCall = {
  name: string
  agency: Texts
  outcome: CallOutcome
  code?: string
  messageId?: string
}

export type OfferForm = { id: string; state: OfferState; fields: FormField[]; asked: AskedCall[] }

export type StepKind =
  | 'offered'
  | 'letter'
  | 'code'
  | 'opened'
  | 'sending'
  | 'submitted'
  | 'decided'
  | 'declined'
  | 'taken-back'
  | 'corrected'
  | 'over'

export type OfferStep = { time: string; what: StepKind; channel: OfferChannel | 'event' }
