/** Every text of the pages comes from the catalogue of a language: a file in console/texts, chosen by the browser's languages. */
import type en from '../texts/en.json'

type Keys = keyof typeof en
type Counted<K> = K extends `${infer Base}_other` ? Base : never

/** A key of the catalogue. A text with a count has one entry for each plural form of its language. */
export type TextKey = Keys | Counted<Keys>

const CATALOGUES = import.meta.glob<Record<string, string>>('../texts/*.json', { import: 'default' })
const FALLBACK = 'en'

let texts: Record<string, string> = {}

/** The locale of numbers and times: the browser's variety of the catalogue's language (en-GB for en). */
export let locale = FALLBACK

/** Loads the catalogue of the first available language, English when none is available. */
export async function loadTexts(wanted: readonly string[]): Promise<void> {
  const known = new Map(
    Object.entries(CATALOGUES).map(([file, load]) => [/([\w-]+)\.json$/.exec(file)?.[1] ?? '', load]),
  )
  const candidates = wanted.flatMap((tag) => [tag, tag.split('-')[0] ?? ''])
  const language = candidates.find((tag) => known.has(tag)) ?? FALLBACK
  locale = wanted.find((tag) => tag === language || tag.startsWith(`${language}-`)) ?? language
  texts = (await known.get(language)?.()) ?? {}
  document.documentElement.lang = language
}

/** The text with its `{names}` filled in; `count` chooses the plural form. */
export function text(key: TextKey, values: Record<string, string | number> = {}): string {
  const { count } = values
  const form =
    typeof count === 'number' ? `${key}_${new Intl.PluralRules(locale).select(count)}` : (key as string)
  const found = texts[form] ?? texts[`${key}_other`] ?? texts[key]
  // Tests fail for what stands in the browser's console.
  if (found === undefined) console.error(`there is no text ${key}`)
  return (found ?? key).replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    return typeof value === 'number' ? number(value) : (value ?? '')
  })
}

/** The text of a key that is made of what the server says: undefined when the catalogue has no words for that. */
export function textIfAny(key: string): string | undefined {
  return texts[key]
}

export function number(value: number): string {
  return new Intl.NumberFormat(locale).format(value)
}
