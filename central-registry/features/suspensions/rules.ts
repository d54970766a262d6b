/**
 * Rules for suspensions: their subjects, how many one caller may make, who confirms them, when they are
 * announced; pure.
 */
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import { MOST_SUSPENDED, type SuspendedKind } from '#schemas/global-configuration.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { encodedId, encodedServer, memberIdOf, serverOf, subsystemIdOf } from '../../members/rules.ts'
import type { SuspensionRow } from '../../register/tables.ts'

/**
 * The most suspensions of one caller within a day that nobody else has confirmed, unless the registry sets
 * another limit.
 */
export const MOST_PER_DAY = 10
const DAY_MS = 86_400_000
/** Milliseconds between two announcements of an unconfirmed suspension. */
const ESCALATE_EVERY_MS = 15 * 60_000

/**
 * Converts a subject from the API's form to the one in the list. Throws for a subject that is not of this
 * kind or instance.
 */
export function subjectOf(kind: SuspendedKind, given: string, instance: string): string {
  switch (kind) {
    case 'member':
      return idText(memberIdOf(given, instance))
    case 'subsystem':
      return idText(subsystemIdOf(given, instance))
    case 'server':
      return idText(serverOf(given, instance))
    case 'certificate':
      if (!/^[0-9a-f]{64}$/i.test(given))
        throw new Fault('invalid_input', {
          what: say`a certificate is named by its SHA-256, 64 hexadecimal digits`,
        })
      return given.toLowerCase()
    case 'contract':
      if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given))
        throw new Fault('invalid_input', { what: say`a contract is named by its id, a UUID` })
      return given.toLowerCase()
  }
}

/** Converts a subject back to the API's form. */
export function encodedSubject({ kind, subject }: Pick<SuspensionRow, 'kind' | 'subject'>): string {
  if (kind === 'certificate' || kind === 'contract') return subject
  return kind === 'server' ? encodedServer(subject) : encodedId(subject)
}

/** The time since when the acts of a caller count towards the limit. */
export function dayBefore(now: number): string {
  return new Date(now - DAY_MS).toISOString()
}

/** Throws `conflict` when the caller has reached the limit of a day, or the list is full. */
export function checkAllowance(q: { unconfirmedToday: number; perDay: number; inForce: number }): void {
  if (q.unconfirmedToday >= q.perDay)
    throw new Fault('conflict', {
      what: say`${q.perDay} suspensions of yours within a day wait for confirmation: let a second person confirm some`,
    })
  if (q.inForce >= MOST_SUSPENDED)
    throw new Fault('conflict', { what: say`${MOST_SUSPENDED} suspensions are in force: lift some first` })
}

/**
 * Throws `conflict`, `not_in_person` or `not_second_person` unless this caller, who has the role, is a second
 * person. Where nobody can log in, a second API key is enough.
 */
export function checkConfirmer(
  row: Pick<SuspensionRow, 'state' | 'suspended_by' | 'maker'>,
  caller: Pick<Caller, 'kind' | 'id'>,
  inPerson: boolean,
): void {
  if (row.state !== 'unconfirmed')
    throw new Fault('conflict', { what: say`the suspension is ${row.state} already` })
  if (inPerson && caller.kind !== 'person') throw new Fault('not_in_person')
  const why = whyNotSecond(row, caller.id)
  if (why !== undefined) throw new Fault('not_second_person', { what: why })
}

function whyNotSecond(row: Pick<SuspensionRow, 'suspended_by' | 'maker'>, id: string): string | undefined {
  if (row.suspended_by === id) return 'you suspended this yourself'
  return row.maker === id ? 'an API key that you made suspended this' : undefined
}

/** Whether a page should offer this caller to confirm the suspension. */
export function mayConfirm(
  row: SuspensionRow,
  caller: Pick<Caller, 'kind' | 'id'>,
  inPerson: boolean,
): boolean {
  return (
    row.state === 'unconfirmed' &&
    (!inPerson || caller.kind === 'person') &&
    whyNotSecond(row, caller.id) === undefined
  )
}

/** Throws `conflict` for a suspension that was lifted already. */
export function checkInForce({ state }: Pick<SuspensionRow, 'state'>): void {
  if (state === 'lifted') throw new Fault('conflict', { what: say`the suspension is lifted already` })
}

/** Whether the suspension has to be announced (again) now. */
export function isToBeAnnounced(
  { state, escalated_at }: Pick<SuspensionRow, 'state' | 'escalated_at'>,
  now: number,
): boolean {
  if (state !== 'unconfirmed') return false
  // In either direction: what was announced while the clock was ahead is announced again.
  return escalated_at === null || Math.abs(now - Date.parse(escalated_at)) >= ESCALATE_EVERY_MS
}

/** A suspension in the API's form; `mayConfirm` is about the present caller. */
export function describe(row: SuspensionRow, mayConfirm: boolean) {
  const who = (id: string | null, name: string | null) => (id === null ? null : { id, name })
  return {
    id: row.id,
    kind: row.kind,
    subject: encodedSubject(row),
    reason: row.reason,
    state: row.state,
    suspendedAt: row.suspended_at,
    suspendedBy: who(row.suspended_by, row.suspended_by_name),
    confirmedAt: row.confirmed_at,
    confirmedBy: who(row.confirmed_by, row.confirmed_by_name),
    liftedAt: row.lifted_at,
    liftedBy: who(row.lifted_by, row.lifted_by_name),
    announcements: row.escalations,
    nextAnnouncement: nextAnnouncement(row),
    mayConfirm,
  }
}

function nextAnnouncement({ state, escalated_at, suspended_at }: SuspensionRow): string | null {
  if (state !== 'unconfirmed') return null
  if (escalated_at === null) return suspended_at
  return new Date(Date.parse(escalated_at) + ESCALATE_EVERY_MS).toISOString()
}
