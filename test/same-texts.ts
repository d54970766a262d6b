/**
 * Whether each language of a catalogue of texts has every text and every plural form, with the same names to
 * fill in, and no other.
 */
import type { Test } from 'tap'

type Texts = Readonly<Record<string, string>>

const PLURAL = /_(?:zero|one|two|few|many|other)$/

export function haveSameTexts(t: Test, english: Texts, catalogues: Readonly<Record<string, Texts>>): void {
  for (const [language, own] of Object.entries({ en: english, ...catalogues })) {
    const wanted = new Set(wantedOf(language, Object.keys(english)))
    t.same(
      [...wanted].filter((key) => !Object.hasOwn(own, key)),
      [],
      `${language}: texts that are missing`,
    )
    t.same(
      Object.keys(own).filter((key) => !wanted.has(key)),
      [],
      `${language}: texts that nobody asks for`,
    )
    for (const [key, text] of Object.entries(own)) {
      const source = english[key] ?? english[key.replace(PLURAL, '_other')] ?? ''
      // A form of one may say it without the number.
      const holes = (of: string): string[] => holesOf(of).filter((hole) => hole !== '{count}')
      if (text.trim() === '') t.fail(`${language} ${key} is empty`)
      if (holes(text).join() !== holes(source).join())
        t.fail(`${language} ${key} fills in ${holes(text).join()}`)
    }
  }
}

/**
 * Keys that a language has to have: for a text with a count, one for each of the forms that its plural has
 * (CLDR).
 */
function wantedOf(language: string, keys: string[]): string[] {
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories
  const counted = new Set(keys.filter((key) => key.endsWith('_other')).map((key) => key.replace(PLURAL, '')))
  const isCounted = (key: string): boolean => counted.has(key.replace(PLURAL, '')) && PLURAL.test(key)
  return [
    ...keys.filter((key) => !isCounted(key)),
    ...[...counted].flatMap((key) => forms.map((form) => `${key}_${form}`)),
  ]
}

function holesOf(text: string): string[] {
  return [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()
}
