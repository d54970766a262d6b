/**
 * The oracle of Estonia's Pääsuke (e-gov/PH, 2026-01-13): `GET /representees/{r}/delegates/{d}/mandates`
 * answers which mandates the delegate holds, an unknown person with the type UNKNOWN and none.
 */

import {
  type Judged,
  type MandateInterface,
  type MandateQuestion,
  memberOfAnswer,
  plainCode,
  UnusableAnswer,
} from './question.ts'
import type { MandateServiceSettings } from './settings.ts'

const DATE = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/
const DAY_MS = 86_400_000
const WHOLE_NAMESPACE = ':*'

export function paasuke({
  client,
  country = '',
}: Pick<MandateServiceSettings, 'client' | 'country'>): MandateInterface {
  const idOf = (id: string): string => `${country}${plainCode(id, country || undefined)}`
  return {
    requests({ rule, representee, delegate, userId }, { id }) {
      const people = [idOf(representee), idOf(delegate)].map(encodeURIComponent)
      const target = `/representees/${people[0]}/delegates/${people[1]}/mandates?${filterOf(rule.roles)}`
      return [
        { target, headers: client === undefined ? { 'x-request-id': id } : xRoadHeaders(client, id, userId) },
      ]
    },
    judge: (answer, q, now) => judge(answer, q, { now, idOf }),
  }
}

function xRoadHeaders(client: string, id: string, userId: string | undefined): Record<string, string> {
  return {
    'x-road-client': client,
    'x-road-id': id,
    ...(userId !== undefined && /^[\x21-\x7e]+$/.test(userId) && { 'x-road-userid': userId }),
  }
}

/**
 * Both filters at once could leave out what one of them names: namespaces alone where one of them is whole.
 */
function filterOf(roles: readonly string[]): string {
  const isByNamespace = roles.some((one) => one.endsWith(WHOLE_NAMESPACE))
  const values = isByNamespace ? roles.map((one) => one.split(':', 1)[0]!) : roles
  return [...new Set(values)]
    .map((one) => `${isByNamespace ? 'ns' : 'role'}=${encodeURIComponent(one)}`)
    .join('&')
}

function judge(
  answer: unknown,
  { rule, representee, delegate }: MandateQuestion,
  { now, idOf }: { now: number; idOf(id: string): string },
): Judged {
  const people = [
    checkPerson(answer, 'representee', idOf(representee)),
    checkPerson(answer, 'delegate', idOf(delegate)),
  ]
  const mandates = memberOfAnswer(answer, 'mandates')
  if (!Array.isArray(mandates)) throw new UnusableAnswer('it has no list of mandates')
  if (people.includes('UNKNOWN')) return { isMandated: false, until: now }
  const ends = mandates
    .filter((one) => rule.roles.some((role) => grants(memberOfAnswer(one, 'role'), role)))
    .flatMap((one) => endOf(memberOfAnswer(one, 'validityPeriod'), now) ?? [])
  return { isMandated: ends.length > 0, until: Math.max(now, ...ends) }
}

/** Gives the type of the person. An answer about somebody else is none. */
function checkPerson(answer: unknown, half: 'representee' | 'delegate', id: string): unknown {
  const person = memberOfAnswer(answer, half)
  if (memberOfAnswer(person, 'identifier') !== id) throw new UnusableAnswer(`it is about another ${half}`)
  return memberOfAnswer(person, 'type')
}

function grants(given: unknown, role: string): boolean {
  if (typeof given !== 'string') return false
  return role.endsWith(WHOLE_NAMESPACE) ? given.startsWith(role.slice(0, -1)) : given === role
}

/** When the mandate ends (ms), if it is valid now. Days are those of UTC, the last one included. */
function endOf(period: unknown, now: number): number | undefined {
  if (period === undefined || period === null) return Number.POSITIVE_INFINITY
  const from = timeOf(memberOfAnswer(period, 'from'), 0) ?? Number.NEGATIVE_INFINITY
  const until = timeOf(memberOfAnswer(period, 'through'), DAY_MS) ?? Number.POSITIVE_INFINITY
  return from <= now && now < until ? until : undefined
}

/** Undefined: no bound. */
function timeOf(value: unknown, afterDayMs: number): number | undefined {
  if (value === undefined || value === null) return undefined
  const isDay = typeof value === 'string' && DATE.test(value)
  if (!isDay && !(typeof value === 'string' && TIME.test(value)))
    throw new UnusableAnswer('it has a time of another form')
  const time = Date.parse(value as string)
  const day = (value as string).slice(0, 10)
  // JavaScript takes February 31 for March 3.
  if (Number.isNaN(time) || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day)
    throw new UnusableAnswer('it has a time that does not exist')
  return time + (isDay ? afterDayMs : 0)
}
