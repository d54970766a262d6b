/**
 * Rules for hosting mandates: which requests need one, which one covers them, when its end is announced;
 * pure.
 */
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseClientId } from '#schemas/identifiers.ts'
import { ownerOf, type RequestSubject } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'

const DAY_MS = 86_400_000
const MOST_YEARS = 10
/** Days before the end of a mandate at which both members are notified. */
export const NOTICE_DAYS = [30, 7, 1] as const

/**
 * Host and client in their text form; the client is a member, for all of its subsystems, or one subsystem.
 */
export type Mandate = { host: string; client: string; validUntil: string; endedAt: string | null }

export type MandateState = 'inForce' | 'ended'

/**
 * Throws `invalid_input` for a mandate of a member for itself, or with an end in the past or more than ten
 * years ahead.
 */
export function checkMandate({ host, client, validUntil }: Omit<Mandate, 'endedAt'>, now: number): void {
  if (memberOfClient(client) === host)
    throw new Fault('invalid_input', { what: say`a member needs no mandate for itself` })
  const until = Date.parse(validUntil)
  if (Number.isNaN(until) || until <= now || until > now + MOST_YEARS * 366 * DAY_MS)
    throw new Fault('invalid_input', { what: say`validUntil is a time within the next ${MOST_YEARS} years` })
}

export function stateAt({ endedAt, validUntil }: Mandate, now: string): MandateState {
  return endedAt === null && validUntil > now ? 'inForce' : 'ended'
}

/** Whether the mandate allows `host` to file a request for this client at that time. */
export function covers(mandate: Mandate, q: { host: string; client: string }, now: string): boolean {
  const isFor = mandate.client === q.client || mandate.client === memberOfClient(q.client)
  return mandate.host === q.host && isFor && stateAt(mandate, now) === 'inForce'
}

/**
 * The client that a request hosts, if the request extends what a host does for another member: it registers
 * that member's client, or the host alone enables it again. Other requests need no mandate: either side may
 * end or pause the hosting at any time.
 */
export function hostedBy(
  subject: RequestSubject,
  signers: string[],
): { host: string; client: string } | undefined {
  const { kind, client } = subject
  if (client === undefined || (kind !== 'clientReg' && kind !== 'clientEnable')) return undefined
  const [host, member] = [ownerOf(subject), memberOfClient(client)]
  if (host === member || (kind === 'clientEnable' && signers.includes(member))) return undefined
  return { host, client }
}

/**
 * The notice that is due and was not given yet. When a late run finds several of them due, only the latest is
 * given.
 */
export function dueNotice(
  mandate: Mandate,
  q: { now: string; given: ReadonlySet<string> },
): string | undefined {
  if (mandate.endedAt !== null) return undefined
  const left = Date.parse(mandate.validUntil) - Date.parse(q.now)
  const days = [...NOTICE_DAYS].reverse().find((one) => left <= one * DAY_MS)
  const notice = left <= 0 ? 'ended' : days === undefined ? undefined : `ends-${days}`
  return notice === undefined || q.given.has(notice) ? undefined : notice
}

export function memberOfClient(client: string): string {
  return idText(memberOf(parseClientId(client)))
}
