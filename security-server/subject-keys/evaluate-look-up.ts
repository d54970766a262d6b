/**
 * Evaluates one identifier for a person who asks a tracker who used their data. It is counted by client and
 * day before the answer, and the counts of each day are recorded; the security server's log has each
 * question, signed by who asked it.
 */
import { oldestKept } from '#core/subject/months.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { SubjectLookUp, SubjectMonths } from '#schemas/subject-keys.ts'
import type { HolderSettings } from './config.ts'
import { dayOf } from './evaluate-records.ts'
import { hashIdentifier, keyIdOf } from './hash-identifier.ts'
import type { LookUpStore } from './look-up-store.ts'
import type { MonthKeys } from './month-keys.ts'

const SYSTEM = { id: 'subject-keys', name: 'subject-keys' }

type LookingUp = {
  store: LookUpStore
  keys: MonthKeys
  audit: AuditLog
  clock: Clock
  keepMonths: number
  limits: HolderSettings['limits']
}

/** Throws `subject_searches_used_up`, `invalid_input`. */
export async function evaluateLookUp(asked: SubjectLookUp, q: LookingUp): Promise<SubjectMonths> {
  const { store, keys, clock, limits } = q
  const { type, identifier, client } = asked
  const months = keys
    .forSearch()
    .filter(({ month }) => month >= (asked.from ?? '') && month <= (asked.to ?? '9'))
    .map(({ month, key }) => ({ month, hash: hashIdentifier(key, type, identifier), keyId: keyIdOf(key) }))
  const most = { client: limits.lookUpsPerClientDay, all: limits.lookUpsPerDay }
  const usedUp = await store.count(dayOf(clock), client, most)
  if (usedUp !== undefined)
    throw new Fault('subject_searches_used_up', {
      what: usedUp === 'all' ? 'limits.lookUpsPerDay' : 'limits.lookUpsPerClientDay',
    })
  const states = await keys.states()
  return {
    months,
    destroyed: states.filter(({ destroyedAt }) => destroyedAt !== null).map(({ month }) => month),
    oldestKept: oldestKept(clock(), q.keepMonths),
  }
}

/** Writes one record into the audit log for each past day with look-ups. */
export async function recordPastLookUps({ store, audit, clock }: Omit<LookingUp, 'keys' | 'limits'>) {
  for (const { day, clients } of await store.daysBefore(dayOf(clock))) {
    const data = { clients }
    await audit.before({ caller: SYSTEM, operation: 'evaluateLookUps', target: `day ${day}`, data })
    await store.forgetDay(day)
  }
}
