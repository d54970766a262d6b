/**
 * Names that a fault may tell of a message: those that cannot be values. Dictionaries have keys that are:
 * three digits may be of a code or a date, however they are parted; an `@` in a name is that of an address.
 */

const NAME = /^(?!(?:\D*\d){3})[@#]?[\w*.~-]{1,60}$/
const MOST_NAMES = 16

/** The pointer as far as it can be told. */
export function toldOf(pointer: string): string {
  const names = pointer.split('/').slice(1)
  const end = names.findIndex((name) => !NAME.test(name))
  const told = names.slice(0, Math.min(end < 0 ? names.length : end, MOST_NAMES))
  return told.map((name) => `/${name}`).join('')
}

export function canBeTold(pointer: string): boolean {
  return pointer !== '' && toldOf(pointer) === pointer
}
