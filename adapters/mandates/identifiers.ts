/**
 * Tells from an identifier whether it is a natural or a legal person's. The identifier alone decides; a
 * client cannot say otherwise.
 */
import type { PersonType } from '#schemas/mandates.ts'
import type { MandatesSettings } from './settings.ts'

/** Undefined if the identifier has the form of neither, or of both. */
export type TypeOf = (identifier: string) => PersonType | undefined

export function createTypeOf({ naturalPerson, legalPerson }: MandatesSettings['identifiers']): TypeOf {
  // Anchored, so that the expression has to match the whole identifier.
  const natural = new RegExp(`^(?:${naturalPerson})$`, 'u')
  const legal = new RegExp(`^(?:${legalPerson})$`, 'u')
  return (identifier) => {
    const isNatural = natural.test(identifier)
    if (isNatural === legal.test(identifier)) return undefined
    return isNatural ? 'NATURAL_PERSON' : 'LEGAL_PERSON'
  }
}
