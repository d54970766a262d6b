/**
 * Reads what a person asks. One question is about one person, who is the one that asks or whom they may act
 * for.
 */
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { Fault } from '#schemas/fault.ts'
import type { TrackerSettings } from './settings.ts'

export type Period = { from?: string | undefined; to?: string | undefined }

/** `type` and `identifier` as places are declared; `period` in ISO form with milliseconds. */
export type PersonQuestion = { type: string; identifier: string; period: Period }

export type Asking = {
  userId: string | undefined
  /** The code of a person whom the user represents, if a mandate service has confirmed it. */
  represented: string | undefined
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/
const DIGITS = /^[0-9]{1,16}$/

/** Throws `invalid_request`, `representation_refused`. */
export function readQuestion(
  search: URLSearchParams,
  asking: Asking,
  settings: TrackerSettings,
): PersonQuestion {
  const period = { from: timeIn(search, 'periodStart'), to: timeIn(search, 'periodEnd') }
  const code = valueIn(search, 'userCode')
  if (code === undefined) throw refused('userCode has to be given')
  return { ...personOf(code, asking, settings), period }
}

/** The person of `code`, if the one who asks may ask for them. */
export function personOf(
  code: string,
  { userId, represented }: Asking,
  settings: TrackerSettings,
): Pick<PersonQuestion, 'type' | 'identifier'> {
  if (userId === undefined || userId === '')
    throw refused('the person who asks has to be named: X-Road-UserId, in SOAP xrd:userId')
  const person = identifierIn(code, settings)
  if (person === undefined)
    throw refused(
      settings.countryPrefix === ''
        ? 'userCode is no code of a person'
        : `userCode is the code of a person that begins with ${settings.countryPrefix}`,
    )
  const isSame = (text: string | undefined): boolean =>
    text !== undefined &&
    [text, settings.countryPrefix + text].some((one) => identifierIn(one, settings) === person)
  if (!isSame(userId) && !isSame(represented))
    throw new Fault('representation_refused', {
      what: 'userCode is another person than the one who asks: name them as the represented party, under a contract whose mandate service confirms it',
    })
  return { type: settings.identifierType, identifier: person }
}

/** Without the country's prefix, normalised. */
function identifierIn(text: string, { countryPrefix }: TrackerSettings): string | undefined {
  const whole = normaliseIdentifier(text)
  if (whole === undefined || !whole.startsWith(countryPrefix)) return undefined
  return normaliseIdentifier(whole.slice(countryPrefix.length))
}

/** Throws `invalid_request` for a parameter that is there more than once. */
export function valueIn(search: URLSearchParams, name: string): string | undefined {
  const [value, ...others] = search.getAll(name)
  if (others.length > 0) throw refused(`${name} is given once`)
  return value
}

export function numberIn(
  search: URLSearchParams,
  name: string,
  { least, usual, most }: { least: number; usual: number; most: number },
): number {
  const text = valueIn(search, name)
  if (text === undefined) return usual
  const value = Number(text)
  if (!DIGITS.test(text) || value < least || value > most) throw refused(`${name} is ${least} to ${most}`)
  return value
}

function timeIn(search: URLSearchParams, name: string): string | undefined {
  // A plus sign that nobody encoded arrives as a space.
  const text = valueIn(search, name)?.replace(' ', '+')
  if (text === undefined) return undefined
  const time = TIME.test(text) ? new Date(text) : undefined
  if (time === undefined || Number.isNaN(time.getTime()) || time.getUTCFullYear() > 9999)
    throw refused(`${name} is a time of RFC 3339 with its offset`)
  return time.toISOString()
}

export function refused(what: string): Fault {
  return new Fault('invalid_request', { what })
}
