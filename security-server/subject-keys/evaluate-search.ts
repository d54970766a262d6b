/**
 * Evaluates one identifier for one search. The search is counted by person, case and day, and recorded with
 * its case before the caller gets the answer. Refused searches are counted too; the first ones of a day have
 * records of their own.
 */

import { oldestKept } from '#core/subject/months.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { SubjectMonths, SubjectSearch } from '#schemas/subject-keys.ts'
import type { HolderSettings } from './config.ts'
import { dayOf } from './evaluate-records.ts'
import { hashIdentifier, keyIdOf } from './hash-identifier.ts'
import type { MonthKeys } from './month-keys.ts'
import type { HolderStore } from './store.ts'

/** How many refusals of a day have a record of their own; the day's record has the number of all. */
const RECORDED_REFUSALS = 100
const SYSTEM = { id: 'subject-keys', name: 'subject-keys' }

type Searching = {
  store: HolderStore
  keys: MonthKeys
  audit: AuditLog
  clock: Clock
  keepMonths: number
  limits: HolderSettings['limits']
}

/** Throws `subject_searches_used_up`, `invalid_input`. */
export async function evaluateSearch(search: SubjectSearch, q: Searching): Promise<SubjectMonths> {
  const { store, keys, audit, clock, limits } = q
  const { type, identifier, person, reason } = search
  const number = caseOf(search.case)
  const months = keys
    .forSearch()
    .filter(({ month }) => month >= (search.from ?? '') && month <= (search.to ?? '9'))
    .map(({ month, key }) => ({ month, hash: hashIdentifier(key, type, identifier), keyId: keyIdOf(key) }))
  const target = `case ${number}`
  const refused = await store.countSearch(dayOf(clock), [
    { scope: 'person', who: person.id, most: limits.perPersonDay },
    { scope: 'case', who: number, most: limits.perCaseDay },
    { scope: 'all', who: '', most: limits.perDay },
  ])
  if (refused !== undefined) {
    const { usedUp, refusals } = refused
    const data = { case: number, reason, type, usedUp }
    if (refusals <= RECORDED_REFUSALS)
      await audit.before({ caller: person, operation: 'refuseSearch', target, data })
    throw new Fault('subject_searches_used_up', {
      what: usedUp === 'all' ? 'of all people' : `of this ${usedUp}`,
    })
  }
  const data = { case: number, reason, type, searched: months.length, ...months.at(-1) }
  await audit.before({ caller: person, operation: 'evaluateSearch', target, data })
  const states = await keys.states()
  return {
    months,
    destroyed: states.filter(({ destroyedAt }) => destroyedAt !== null).map(({ month }) => month),
    oldestKept: oldestKept(clock(), q.keepMonths),
  }
}

/** Writes one record into the audit log for each past day with refused searches. */
export async function recordPastRefusals({
  store,
  audit,
  clock,
}: Pick<Searching, 'store' | 'audit' | 'clock'>) {
  for (const { day, refused } of await store.refusalsBefore(dayOf(clock))) {
    const data = { refused }
    await audit.before({ caller: SYSTEM, operation: 'refuseSearches', target: `day ${day}`, data })
    await store.forgetRefusals(day)
  }
}

/**
 * Normalizes a case number. Otherwise one case could be written in several ways, each with limits of its own.
 */
function caseOf(text: string): string {
  const one = text.normalize('NFKC').replace(/\s+/g, ' ').trim()
  if (one === '' || /\p{C}/u.test(one))
    throw new Fault('invalid_input', { what: 'the case number is empty or holds signs that nobody sees' })
  return one
}
