/**
 * Days and times as people write them, in the form of native inputs: 2026-11-29 and 2026-11-29T16:46. The
 * month is a word of the reader's language or, where the year comes first, a number: 03/04/2026 is refused,
 * since half of its readers would mean April.
 */
import { dateFormat } from './formats.ts'
import { locale, text } from './text.ts'

export type MomentKind = 'date' | 'time'

const TOKENS = /\p{L}+|\d+/gu
const MONTHS = Array.from({ length: 12 }, (_, month) => new Date(Date.UTC(2026, month, 15)))

/** "29 Nov 2026, 16:46", or what was given if it is no moment. */
export function written(moment: string, kind: MomentKind): string {
  const [year, month, day, hour = 0, minute = 0] = moment.split(/\D/).map(Number)
  if (!isMoment(moment, kind) || year === undefined || month === undefined || day === undefined) return moment
  return dateFormat(locale, {
    ...{ year: 'numeric', month: 'short', day: 'numeric', timeZone: 'UTC' },
    ...(kind === 'time' && { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
  } as Intl.DateTimeFormatOptions).format(Date.UTC(year, month - 1, day, hour, minute))
}

/** Whether the text is a moment in the form of a native input. */
export function isMoment(text: string, kind: MomentKind): boolean {
  const form = kind === 'date' ? /^\d{4}-\d\d-\d\d$/ : /^\d{4}-\d\d-\d\dT\d\d:\d\d$/
  return form.test(text) && read(text, kind) === text
}

/**
 * In UTC, of a time in the reader's zone, such as an address has; empty for what is no time, or may mean two.
 */
export function utc(given: string): string {
  if (!/^\d{4}-\d\d-\d\d/.test(given)) return ''
  const time = new Date(given)
  return Number.isNaN(time.getTime()) ? '' : time.toISOString()
}

/** What to say of a text in a field for moments that is none; undefined for one that is. */
export function wrongMoment(said: string, kind: MomentKind): string | undefined {
  if (isMoment(said, kind)) return undefined
  return kind === 'date'
    ? text('form.noDate', { example: written('2026-11-29', kind) })
    : text('form.noTime', { example: written('2026-11-29T16:30', kind) })
}

/**
 * What the typed text says. Undefined when it says no moment, or may mean two. A time without an hour begins
 * the day.
 */
export function read(typed: string, kind: MomentKind): string | undefined {
  const tokens = typed.trim().match(TOKENS) ?? []
  const named = tokens.map((token) => monthOf(token)).filter((month) => month !== undefined)
  const numbers = tokens.filter((token) => /^\d/.test(token))
  const [first = '', second = '', third = '', ...clock] = numbers
  if (named.length > 1) return undefined
  if (named.length === 0)
    return /^\d{4}$/.test(first) ? moment([first, second, third], clock, kind) : undefined
  const [month] = named
  // Day and year in either order; the year has four digits.
  const [day, year] = /^\d{4}$/.test(first) ? [second, first] : [first, second]
  return /^\d{4}$/.test(year) ? moment([year, String(month), day], numbers.slice(2), kind) : undefined
}

function moment(day: [string, string, string], clock: string[], kind: MomentKind): string | undefined {
  const [year, month, date] = day.map(Number) as [number, number, number]
  const [hour = 0, minute = 0, second = 0] = clock.map(Number)
  if (clock.length > 3 || (kind === 'date' && clock.length > 0)) return undefined
  const at = new Date(Date.UTC(year, month - 1, date, hour, minute, second))
  const fits =
    at.getUTCFullYear() === year &&
    at.getUTCMonth() === month - 1 &&
    at.getUTCDate() === date &&
    hour < 24 &&
    minute < 60 &&
    second < 60
  return fits ? at.toISOString().slice(0, kind === 'date' ? 10 : 16) : undefined
}

/**
 * A month's number by its name, whole or shortened, as the reader's language writes it alone and in a date.
 */
function monthOf(word: string): number | undefined {
  const wanted = word.toLowerCase()
  const at = MONTHS.findIndex((month) =>
    (['long', 'short'] as const).some((length) =>
      [{ month: length }, { month: length, day: 'numeric' as const }].some((form) =>
        dateFormat(locale, { ...form, timeZone: 'UTC' })
          .formatToParts(month)
          .some(({ type, value }) => type === 'month' && value.toLowerCase().replace('.', '') === wanted),
      ),
    ),
  )
  return at < 0 ? undefined : at + 1
}
