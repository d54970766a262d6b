/**
 * A register of mandates as it crosses the wire: the shape of Estonia's Pääsuke (e-gov/PH; its oracle, and
 * the API 0.9.1 of those who keep mandates). mandates.yaml has the same as OpenAPI; docs/mandates.md
 * explains.
 */

/** That a natural person acts for themself, which no register has to write down. */
export const OWN_RIGHT = 'NAT_REPRIGHT:SOLEREP'

export type PersonType = 'NATURAL_PERSON' | 'LEGAL_PERSON'

/** A natural person has a first name and a surname, a legal one its legal name. */
export type MandatePerson = {
  type: PersonType
  firstName?: string
  surname?: string
  legalName?: string
  identifier: string
}

/** A person of whom the register knows nothing, or tells nothing: there is no mandate. */
type UnknownPerson = { type: 'UNKNOWN'; identifier: string }

/** Days of UTC, of which the last is included, or times of RFC 3339, at which it begins and has ended. */
export type ValidityPeriod = { from?: string; through?: string }

export type Mandate = {
  /** Its number in the register. */
  id: string
  role: string
  validityPeriod?: ValidityPeriod
  /** Whether the delegate may pass it on. */
  subDelegable: boolean
  /** Who passed it on. */
  subDelegatorIdentifier?: string
  /** Addresses below the service. */
  links: { delete: string; addSubDelegate?: string }
}

export type MandateTriplet = {
  representee: MandatePerson | UnknownPerson
  delegate: MandatePerson | UnknownPerson
  mandates: Mandate[]
}

/** The languages of the interface. */
export type Translation = { et: string; en?: string; ru?: string }

/** What has a list of roles is for those who hold one of them; an empty list is for nobody. */
export type RoleDefinition = {
  code: string
  title: Translation
  description?: Translation
  delegateType: PersonType[]
  representeeType: PersonType[]
  addableBy: string[]
  addableOnlyIfRepresenteeHasRoleIn?: string[]
  addingMustBeSigned: boolean
  canSubDelegate: boolean
  subDelegateType: PersonType[]
  subDelegableBy?: string[]
  waivableBy?: string[]
  waivingMustBeSigned: boolean
  withdrawableBy?: string[]
  withdrawalMustBeSigned: boolean
  hidden: boolean
  /** For how many minutes a mandate lasts at the most; not of the interface. */
  mostMinutes?: number
}

/** RFC 7807, in a list. */
export type Problem = { type: string; title: string; translation: Translation; instance: string }
