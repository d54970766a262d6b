/** The page's texts in five languages, and which of them a reader gets. */
import en from './texts/en.json' with { type: 'json' }
import es from './texts/es.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import fi from './texts/fi.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

type Texts = typeof en
export type Language = 'en' | 'et' | 'fi' | 'es' | 'uk'

const TEXTS: Record<Language, Texts> = { en, et, fi, es, uk }

/** Each language in its own words. */
export const LANGUAGES: [Language, string][] = [
  ['en', 'English'],
  ['et', 'Eesti'],
  ['fi', 'Suomi'],
  ['es', 'Español'],
  ['uk', 'Українська'],
]

export function textsIn(language: Language): Texts {
  return TEXTS[language]
}

/** The language of the address, else the first that the browser names and we have, else English. */
export function languageOf(asked: unknown, accepted: string | undefined): Language {
  const wanted = [String(asked), ...(accepted ?? '').slice(0, 200).split(',')]
  for (const one of wanted) {
    const code = one.trim().slice(0, 2).toLowerCase()
    if (Object.hasOwn(TEXTS, code)) return code as Language
  }
  return 'en'
}

/** The text with values in the places {0}, {1}. */
export function fill(text: string, ...values: string[]): string {
  return text.replace(/\{(\d)\}/g, (_, at: string) => values[Number(at)] ?? '')
}
