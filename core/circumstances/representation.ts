/**
 * What the metadata of a request's record say of a represented party: whether the client asserted it or the
 * server checked it, and by what. In English for reports, unless the caller gives other words.
 */
import { fill } from './fill.ts'

/**
 * The words in English. Whoever speaks another language gives its words under the same names, with the same
 * names to fill in.
 */
export const REPRESENTATION_WORDS = {
  asserted: 'asserted by the client',
  checked: 'checked',
  by: 'by {value}',
  as: 'as {value}',
  at: 'at {value}',
  answer: 'answer SHA-256 {value}',
} as const
export type RepresentationWords = Record<keyof typeof REPRESENTATION_WORDS, string>

/**
 * Undefined for a record that says nothing of it. Texts of the record are cut: a stranger may have written
 * them.
 */
export function representationInWords(
  metadata: unknown,
  words: RepresentationWords = REPRESENTATION_WORDS,
): string | undefined {
  const { extra } = (metadata ?? {}) as { extra?: Record<string, unknown> }
  const said = (name: string): string | undefined => {
    const value = extra?.[`representation${name}`]
    return typeof value === 'string' ? value.slice(0, MAX_TEXT) : undefined
  }
  const kind = said('')
  if (kind === undefined) return undefined
  if (kind !== 'checked') return kind === 'asserted' ? words.asserted : `"${kind}"`
  const facts: [string, string | undefined][] = [
    [words.by, said('By')],
    [words.as, said('Id')],
    [words.at, said('At')],
    [words.answer, said('Answer')],
  ]
  return [
    words.checked,
    ...facts.flatMap(([text, value]) => (value === undefined ? [] : [fill(text, { value })])),
  ].join(', ')
}

const MAX_TEXT = 300
