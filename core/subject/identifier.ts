/** Normalises identifiers: however a system writes a personal code, the same code gives the same octets. */

/** The maximum length of a normalised identifier. */
export const MAX_IDENTIFIER = 128

/** The type of identifier at places that name no type. */
export const USUAL_TYPE = 'personal-code'

const TYPE = /^[a-z][a-z0-9-]{0,63}$/

export function isIdentifierType(text: string): boolean {
  return TYPE.test(text)
}

/** What is its own normalised form, as nearly all codes are: no letter of it has another form. */
const NORMALISED = new RegExp(`^[0-9A-Z]{1,${MAX_IDENTIFIER}}$`)

/** More rounds than any tested text needed. */
const MOST_ROUNDS = 8

/**
 * The normalised form: Unicode NFKC in upper case without white space and dashes, repeated until it no longer
 * changes. Undefined if the text is empty, too long or contains invisible characters.
 */
export function normaliseIdentifier(text: string): string | undefined {
  if (NORMALISED.test(text)) return text
  // Checked before the costly part: NFKC makes a text at most 18 times as long, and never much shorter.
  if (text.length > 4 * MAX_IDENTIFIER) return undefined
  // Upper case and removed characters can bring letters and combining marks together, so one round is not
  // always enough.
  let [one, before] = [roundOf(text), text]
  for (let rounds = 1; one !== before; rounds++) {
    if (rounds === MOST_ROUNDS) return undefined
    ;[one, before] = [roundOf(one), one]
  }
  return one === '' || one.length > MAX_IDENTIFIER || /\p{C}/u.test(one) ? undefined : one
}

function roundOf(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}]/gu, '')
}
