/**
 * What servers say, in the languages of the consoles: faults, whose English is in the catalogue and the rest
 * in faults/texts; and other words, whose English stands where they are said and the rest in said/
 * (docs/decisions/words-of-servers.md).
 */
import type { Fault, FaultCode } from './fault.ts'
import { catalogue } from './fault-catalogue.ts'
import es from './faults/texts/es.json' with { type: 'json' }
import et from './faults/texts/et.json' with { type: 'json' }
import fi from './faults/texts/fi.json' with { type: 'json' }
import uk from './faults/texts/uk.json' with { type: 'json' }
import details from './said/details.json' with { type: 'json' }
import diagnosis from './said/diagnosis.json' with { type: 'json' }
import explanation from './said/explanation.json' with { type: 'json' }
import verdicts from './said/verdicts.json' with { type: 'json' }
import { Said } from './said.ts'
import { createInLanguage, type Row, rowsOfFault } from './say-in-languages.ts'

// The type demands a row for each code; a test refuses rows of codes that are no more.
type Catalogue = Record<FaultCode, { text: string; remedy: string }>
const TRANSLATIONS: Record<'es' | 'et' | 'fi' | 'uk', Catalogue> = { es, et, fi, uk }

// The type demands each language for each text; a test demands a row for each text that is said, and refuses
// others.
type OwnRow = Record<keyof typeof TRANSLATIONS, string>
const WORDS: Record<string, OwnRow> = { ...diagnosis, ...explanation, ...details, ...verdicts }

const OF_FAULTS = Object.entries(catalogue).flatMap(([code, fault]) => {
  const part = (name: 'text' | 'remedy'): { english: string; row: OwnRow } => ({
    english: fault[name],
    row: {
      es: es[code as FaultCode][name],
      et: et[code as FaultCode][name],
      fi: fi[code as FaultCode][name],
      uk: uk[code as FaultCode][name],
    },
  })
  return rowsOfFault(part('text'), part('remedy'))
})

/** The words in a language; in English where there are none in it. */
export const inLanguage = createInLanguage(new Map<string, Row>([...OF_FAULTS, ...Object.entries(WORDS)]))

/** The languages in which faults are explained, by their tags (BCP 47). */
export const LANGUAGES: readonly string[] = ['en', ...Object.keys(TRANSLATIONS)]

const MAX_LANGUAGES = 20

/**
 * The reader's language, English when none of those wanted is known. `wanted` is an Accept-Language header
 * (RFC 9110 section 12.5.4): the highest weight wins, then the order; of `et-EE` the language alone counts.
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

/**
 * The public text of a fault in a language; details that other programs reported stand in it as they were
 * reported.
 */
export function explainFault({ code, said, message }: Fault, language: string): string {
  if (!isTranslated(language)) return message
  const { text, remedy } = TRANSLATIONS[language][code]
  return `${text}${said === undefined ? '' : ` (${inLanguage(said, language)})`}. ${remedy}.`
}

/** JSON of an answer whose words are said in a language. */
export function jsonIn(body: unknown, language: string): string {
  if (!isTranslated(language)) return JSON.stringify(body)
  return JSON.stringify(body, function (this: Record<string, unknown>, key, value: unknown) {
    // Words have printed themselves in English in `value` by now.
    const own = this[key]
    return own instanceof Said ? inLanguage(own, language) : value
  })
}

function isTranslated(language: string): language is keyof typeof TRANSLATIONS {
  return Object.hasOwn(TRANSLATIONS, language)
}
