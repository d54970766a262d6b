/** What kind of person an identifier is of: it alone says that, and no client may say otherwise. */
import type { PersonType } from '#schemas/mandates.ts'
import type { MandatesSettings } from './settings.ts'

/** Undefined for what is nobody's identifier, or could be that of both. */
export type TypeOf = (identifier: string) => PersonType | undefined

export function createTypeOf({ naturalPerson, legalPerson }: MandatesSettings['identifiers']): TypeOf {
  // Of the whole identifier, whatever the expression says of its ends.
  const natural = new RegExp(`^(?:${naturalPerson})$`, 'u')
  const legal = new RegExp(`^(?:${legalPerson})$`, 'u')
  return (identifier) => {
    const isNatural = natural.test(identifier)
    if (isNatural === legal.test(identifier)) return undefined
    return isNatural ? 'NATURAL_PERSON' : 'LEGAL_PERSON'
  }
}
