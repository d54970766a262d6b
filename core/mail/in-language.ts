/**
 * What a letter says in the way of its language: the form of a text for a count, numbers and times; pure.
 * Times are in UTC and say so, because a letter is read anywhere, and no server has a time zone of its own.
 */

/** How numbers and times are written, where the language alone does not say it: not in the American way. */
const PLACES: Record<string, string> = { en: 'en-GB' }

/**
 * The text for a count. As in console/texts, there is an entry for each plural form of the language:
 * `days_one`, `days_few` and so on. Throws Error when the catalogue has none.
 */
export function textFor(
  texts: Readonly<Record<string, string>>,
  key: string,
  { count, language }: { count: number; language: string },
): string {
  const form = `${key}_${new Intl.PluralRules(language).select(count)}`
  const found = [form, `${key}_other`].find((one) => Object.hasOwn(texts, one))
  if (found === undefined) throw new Error(`there is no text ${form}`)
  return texts[found]!
}

export function writtenNumber(value: number, language: string): string {
  return new Intl.NumberFormat(PLACES[language] ?? language).format(value)
}

/** "2 December 2026 at 14:30 UTC", of a time in ISO form. What is no time stays as it is. */
export function writtenTime(time: string, language: string): string {
  const at = /^\d{4}-\d\d-\d\dT/.test(time) ? Date.parse(time) : Number.NaN
  if (Number.isNaN(at)) return time
  return new Intl.DateTimeFormat(PLACES[language] ?? language, {
    ...({ day: 'numeric', month: 'long', year: 'numeric' } as const),
    ...({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const),
    ...({ timeZone: 'UTC', timeZoneName: 'short' } as const),
  }).format(at)
}
