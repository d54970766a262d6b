/** The one form of an identifier: however a system writes a personal code, the same code is the same octets. */

/** The longest that an identifier may be, in its one form. */
export const MAX_IDENTIFIER = 128

/** What places are of when they say nothing else. */
export const USUAL_TYPE = 'personal-code'

const TYPE = /^[a-z][a-z0-9-]{0,63}$/

export function isIdentifierType(text: string): boolean {
  return TYPE.test(text)
}

/** More than any text was found to need. */
const MOST_ROUNDS = 8

/**
 * Unicode NFKC in upper case without white space and dashes, whose own one form is itself; undefined for what is empty, too long
 * or holds signs that nobody sees.
 */
export function normaliseIdentifier(text: string): string | undefined {
  // Before the costly part: compatibility forms make a text at most 18 times as long, never much shorter.
  if (text.length > 4 * MAX_IDENTIFIER) return undefined
  // Upper case and what is taken out leave letters beside marks that go together: one round is not always enough.
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
