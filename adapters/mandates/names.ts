/**
 * Names of people. Guarantees that nobody learns a name from a number, and that nobody can name a stranger:
 * registrars' names count, and for other people each mandate shows the name that its giver wrote.
 */
import type { MandatePerson, PersonType } from '#schemas/mandates.ts'
import type { TypeOf } from './identifiers.ts'
import { refuse } from './refusal.ts'

/** As a client writes a person. */
export type GivenPerson = {
  type: PersonType | 'UNKNOWN'
  firstName?: string
  surname?: string
  legalName?: string
  identifier: string
}

type Names = Pick<MandatePerson, 'firstName' | 'surname' | 'legalName'>

/**
 * The person with its names and nothing else. Throws a refusal for an identifier of nobody, or of another
 * kind of person.
 */
export function readPerson(given: GivenPerson, typeOf: TypeOf): MandatePerson {
  const type = typeOf(given.identifier)
  if (type === undefined || type !== given.type) throw refuse('identifierWrong')
  return { type, ...namesOf(type, given), identifier: given.identifier }
}

export function isNamed({ type, firstName, surname, legalName }: MandatePerson): boolean {
  return type === 'LEGAL_PERSON' ? legalName !== undefined : firstName !== undefined && surname !== undefined
}

/** Whether both have the same name, in letters of either case. */
export function hasSameName(one: MandatePerson, other: MandatePerson): boolean {
  return plain(one) === plain(other)
}

export function writeNames({ type, identifier, ...names }: MandatePerson): string {
  return JSON.stringify(names)
}

/** The person of a mandate whose name no registrar has told. */
export function fromMandate(identifier: string, names: string, typeOf: TypeOf): MandatePerson {
  const type = typeOf(identifier) ?? 'NATURAL_PERSON'
  return { type, ...(JSON.parse(names) as Names), identifier }
}

function namesOf(type: PersonType, { firstName, surname, legalName }: Names): Names {
  if (type === 'LEGAL_PERSON') return { ...(legalName !== undefined && { legalName }) }
  return { ...(firstName !== undefined && { firstName }), ...(surname !== undefined && { surname }) }
}

function plain({ firstName = '', surname = '', legalName = '' }: MandatePerson): string {
  return `${firstName} ${surname} ${legalName}`.normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim()
}
