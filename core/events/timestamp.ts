/**
 * Times of RFC 3339, read strictly: a day that the calendar has, an offset, a leap second only where one can
 * be.
 */

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const MAX_LENGTH = 64

/**
 * The time in UTC, cut to whole seconds (`2026-05-13T09:49:12Z`); undefined if the text is no time of
 * RFC 3339.
 */
export function utcSeconds(text: string): string | undefined {
  const found = text.length > MAX_LENGTH ? null : RFC_3339.exec(text)
  if (found === null) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const [sign, offsetHours, offsetMinutes] = [found[7], Number(found[8] ?? 0), Number(found[9] ?? 0)]
  if (hour > 23 || minute > 59 || second > 60 || offsetHours > 23 || offsetMinutes > 59) return undefined
  const local = new Date(0)
  // Date.UTC would take the years 0 to 99 for those of the twentieth century.
  local.setUTCFullYear(year, month - 1, day)
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day) return undefined
  const offset = (offsetHours * 60 + offsetMinutes) * (sign === '-' ? -1 : 1)
  local.setUTCHours(hour, minute - offset, Math.min(second, 59))
  const utc = local.toISOString()
  // A year before 0 or after 9999 is written with a sign, and has no text in RFC 3339.
  if (utc.length !== 24) return undefined
  if (second < 60) return `${utc.slice(0, 19)}Z`
  // Leap seconds stand at the end of a month in UTC (RFC 3339, 5.7).
  if (utc.slice(11, 16) !== '23:59' || new Date(local.getTime() + 1_000).getUTCDate() !== 1) return undefined
  return `${utc.slice(0, 17)}60Z`
}
