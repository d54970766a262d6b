/** What the catalogue says of a fault, in the languages of the consoles. English is in the catalogue, the others in faults/texts. */
import type { Fault, FaultCode } from './fault.ts'
import es from './faults/texts/es.json' with { type: 'json' }
import et from './faults/texts/et.json' with { type: 'json' }
import fi from './faults/texts/fi.json' with { type: 'json' }
import uk from './faults/texts/uk.json' with { type: 'json' }

// The type demands a row for each code; a test refuses rows of codes that are no more.
const TRANSLATIONS: Record<string, Record<FaultCode, { text: string; remedy: string }>> = { es, et, fi, uk }

/** The languages in which faults are explained, by their tags (BCP 47). */
export const LANGUAGES: readonly string[] = ['en', ...Object.keys(TRANSLATIONS)]

const MAX_LANGUAGES = 20

/**
 * The reader's language, English when none of those wanted is known. `wanted` is an Accept-Language header (RFC 9110 section 12.5.4):
 * the highest weight wins, then the order; of `et-EE` the language alone counts.
 */
export function languageOf(wanted: string | undefined): string {
  const tags = (wanted ?? '').split(',', MAX_LANGUAGES).map((part) => {
    const [tag = '', weight = 'q=1'] = part.split(';', 2).map((each) => each.trim().toLowerCase())
    return {
      language: tag.split('-', 1)[0]!,
      weight: Number(/^q=([01](?:\.\d{0,3})?)$/.exec(weight)?.[1] ?? 0),
    }
  })
  const known = tags.filter(({ language, weight }) => weight > 0 && LANGUAGES.includes(language))
  return known.toSorted((one, other) => other.weight - one.weight)[0]?.language ?? 'en'
}

/** The public text of a fault in a language; what exactly was wrong stands in it in English, as it was reported. */
export function explainFault({ code, what, message }: Fault, language: string): string {
  const translated = Object.hasOwn(TRANSLATIONS, language) ? TRANSLATIONS[language]![code] : undefined
  if (translated === undefined) return message
  return `${translated.text}${what === undefined ? '' : ` (${what})`}. ${translated.remedy}.`
}
