/**
 * Every text of the page, in the languages of the consoles: a file each, all of them inside the page, because
 * it has no network. The reader chooses, else the browser's languages decide. What the verifier itself
 * reports is said in them by reasons.ts.
 */

import { fill } from '#core/circumstances/fill.ts'
import { CIRCUMSTANCE_WORDS, type CircumstanceWords } from '#core/circumstances/in-words.ts'
import { REPRESENTATION_WORDS, type RepresentationWords } from '#core/circumstances/representation.ts'
import en from './texts/en.json' with { type: 'json' }
import es from './texts/es.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import fi from './texts/fi.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

export type TextKey = keyof typeof en
export type Tone = 'good' | 'warn' | 'bad'
type Catalogue = {
  page: Record<TextKey, string>
  circumstances: CircumstanceWords
  representation: RepresentationWords
}

const ENGLISH = { page: en, circumstances: CIRCUMSTANCE_WORDS, representation: REPRESENTATION_WORDS }
// The type demands each text in each language; a test refuses any other, and names to fill in that differ.
export const CATALOGUES: Record<string, Catalogue> = { en: ENGLISH, es, et, fi, uk }
const KEPT_AS = 'concordat.language'

/** The languages that the page speaks, by their tags (BCP 47). */
export const languages = Object.keys(CATALOGUES)

/** The language that is shown now. */
export let language = 'en'

/** Takes the reader's choice, else the first of the browser's languages that there is, else English. */
export function beginLanguage(wanted: readonly string[]): void {
  const tags = [kept() ?? '', ...wanted.map((tag) => tag.split('-')[0] ?? '')]
  language = tags.find((tag) => Object.hasOwn(CATALOGUES, tag)) ?? 'en'
}

/** Goes on in another language, which the browser remembers where it may. */
export function chooseLanguage(tag: string): void {
  language = tag
  try {
    localStorage.setItem(KEPT_AS, tag)
  } catch {
    // A browser that keeps nothing for files begins in its own language again.
  }
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT_AS)
  } catch {
    return null
  }
}

export function text(key: TextKey, values: Record<string, string | number> = {}): string {
  return fill(now().page[key], values)
}

/** The text of a key that is made of what the verifier says: undefined where there are no words for that. */
export function textIfAny(key: string): string | undefined {
  const { page } = now()
  return Object.hasOwn(page, key) ? page[key as TextKey] : undefined
}

/** The words for circumstances and representation. */
export function now(): Catalogue {
  return CATALOGUES[language]!
}

/** The reader's language for numbers and times. English is that of Great Britain: day before month. */
export function locale(): string {
  return language === 'en' ? 'en-GB' : language
}
