/**
 * Every text of the pages comes from the catalogue of a language: a file in console/texts, by choice or by
 * the browser's languages.
 */
import type en from '../texts/en.json'
import { numberFormat, pluralRules } from './formats.ts'

type Keys = keyof typeof en
type Counted<K> = K extends `${infer Base}_other` ? Base : never

/** A key of the catalogue. A text with a count has one entry for each plural form of its language. */
export type TextKey = Keys | Counted<Keys>

type Texts = Record<string, string>

// What the build puts into each: texts/needed-texts.ts.
const FIRST = byLanguage(import.meta.glob<Texts>('../texts/*.json', { import: 'default' }))
const LATER = byLanguage(import.meta.glob<Texts>('../texts/*.json', { import: 'default', query: '?later' }))
const FALLBACK = 'en'
const KEPT_AS = 'concordat.language'

let texts: Texts = {}
let later: Promise<void> | undefined

/** The languages that the pages speak, by their tags. */
export const languages: readonly string[] = [...FIRST.keys()].sort()

/** The language of the pages, in which the API is asked to explain its faults too. */
export let language = FALLBACK

/** The locale of numbers and times: the browser's variety of the pages' language (en-GB for en). */
export let locale = FALLBACK

/**
 * Loads the texts of the first page in the reader's choice, else in the first of the browser's languages that
 * there is, else in English.
 */
export async function loadTexts(wanted: readonly string[]): Promise<void> {
  const candidates = [chosen() ?? '', ...wanted.flatMap((tag) => [tag, tag.split('-')[0] ?? ''])]
  language = candidates.find((tag) => FIRST.has(tag)) ?? FALLBACK
  locale = wanted.find((tag) => tag === language || tag.startsWith(`${language}-`)) ?? language
  const loaded = await FIRST.get(language)?.()
  texts = { ...texts, ...loaded }
  document.documentElement.lang = language
}

/** Loads the texts of all other pages, once, in the language of the first. */
export function loadLaterTexts(): Promise<void> {
  later ??= (LATER.get(language)?.() ?? Promise.resolve({})).then((loaded) => {
    texts = { ...texts, ...loaded }
  })
  return later
}

function byLanguage(files: Record<string, () => Promise<Texts>>): Map<string, () => Promise<Texts>> {
  return new Map(Object.entries(files).map(([file, load]) => [/([\w-]+)\.json/.exec(file)?.[1] ?? '', load]))
}

/** Reads the page anew in another language, which the browser remembers where it may. */
export function chooseLanguage(tag: string): void {
  try {
    localStorage.setItem(KEPT_AS, tag)
  } catch {
    // A browser that keeps nothing for us goes on in its own languages.
  }
  window.location.reload()
}

function chosen(): string | null {
  try {
    return localStorage.getItem(KEPT_AS)
  } catch {
    return null
  }
}

/** The text with its `{names}` filled in; `count` chooses the plural form. */
export function text(key: TextKey, values: Record<string, string | number> = {}): string {
  const { count } = values
  const form = typeof count === 'number' ? `${key}_${pluralRules(locale).select(count)}` : (key as string)
  const found = texts[form] ?? texts[`${key}_other`] ?? texts[key]
  // Tests fail for what stands in the browser's console.
  if (found === undefined) console.error(`there is no text ${key}`)
  return (found ?? key).replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    return typeof value === 'number' ? number(value) : (value ?? '')
  })
}

/**
 * The text of a key that is made of what the server says: undefined when the catalogue has no words for that.
 */
export function textIfAny(key: string): string | undefined {
  return texts[key]
}

export function number(value: number): string {
  return numberFormat(locale).format(value)
}
