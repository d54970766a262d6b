/**
 * What people read, in their language: a catalogue of texts per language, and numbers and times as that
 * language writes them.
 */
import en from './texts/en.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import ko from './texts/ko.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

type Catalogue = Record<string, string>

const CATALOGUES: Record<string, Catalogue> = { en, et, ko, uk }
export const LANGUAGES = Object.keys(CATALOGUES)
/** How numbers and times are written, where the language alone does not say it. */
const PLACES: Record<string, string> = { en: 'en-GB' }
/** Languages that are written from right to left, for catalogues to come. */
const FROM_THE_RIGHT = new Set(['ar', 'dv', 'fa', 'he', 'ps', 'ur', 'yi'])

type Fill = Readonly<Record<string, string | number>>

export type Words = {
  language: string
  direction: 'ltr' | 'rtl'
  /** The text, with `{name}` filled in. In easy reading its simpler form, where the catalogue has one. */
  (key: string, fill?: Fill): string
  /**
   * The text for this number: `key.one`, `key.few` and so on, as the language has them, with `{n}` filled in.
   */
  count(key: string, n: number, fill?: Fill): string
  /** The same in three parts: before the number, the number, after it. */
  around(key: string, n: number): [string, string, string]
  has(key: string): boolean
  /** "29 November 2026, 14:02" */
  moment(time: string): string
  /** "November 2026" */
  month(time: string): string
  /** "29 November" */
  day(time: string): string
  clock(time: string): string
}

export function wordsOf(language: string, q: { easy: boolean; timeZone: string }): Words {
  const catalogue = CATALOGUES[language] ?? CATALOGUES['en']!
  const place = PLACES[language] ?? language
  const plurals = new Intl.PluralRules(place)
  const numbers = new Intl.NumberFormat(place)
  const format = (options: Intl.DateTimeFormatOptions) => {
    const made = new Intl.DateTimeFormat(place, { ...options, timeZone: q.timeZone })
    return (time: string): string => made.format(new Date(time))
  }
  const find = (key: string): string | undefined =>
    (q.easy ? catalogue[`${key}.easy`] : undefined) ?? catalogue[key]
  const text = (key: string, fill: Fill = {}): string => {
    const found = find(key)
    if (found === undefined) throw new Error(`the catalogue ${language} has no ${key}`)
    return found.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = fill[name]
      return typeof value === 'number' ? numbers.format(value) : (value ?? '')
    })
  }
  const keyFor = (key: string, n: number): string => {
    const exact = `${key}.${plurals.select(n)}`
    return find(exact) === undefined ? `${key}.other` : exact
  }
  return Object.assign(text, {
    language,
    direction: FROM_THE_RIGHT.has(language) ? ('rtl' as const) : ('ltr' as const),
    count: (key: string, n: number, fill: Fill = {}) => text(keyFor(key, n), { ...fill, n }),
    around: (key: string, n: number): [string, string, string] => {
      const [before = '', after = ''] = (find(keyFor(key, n)) ?? '').split('{n}')
      return [before, numbers.format(n), after]
    },
    has: (key: string) => find(key) !== undefined,
    moment: format({ dateStyle: 'long', timeStyle: 'short' }),
    month: format({ year: 'numeric', month: 'long' }),
    day: format({ day: 'numeric', month: 'long' }),
    clock: format({ timeStyle: 'short' }),
  })
}

/**
 * The offered language that the browser asks for most (RFC 9110, section 12.5.4); the first of them where it
 * asks for none.
 */
export function chooseLanguage(accepted: string | undefined, offered: readonly string[]): string {
  const wanted = (accepted ?? '')
    .slice(0, 500)
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
      const weight = parameters.map((one) => /^\s*q=(\d(?:\.\d{1,3})?)$/.exec(one)?.[1]).find(Boolean)
      return { language: tag.split('-')[0]!, weight: Number(weight ?? 1) }
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
  return wanted.find(({ language }) => offered.includes(language))?.language ?? offered[0]!
}
