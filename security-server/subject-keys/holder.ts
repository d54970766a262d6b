/**
 * What the key holder does: evaluates identifiers of records, so many of each as a message may have, and of searches, each bound to a case
 * and a person, counted, and recorded before it is done. It keeps no identifier and no hash of one.
 */
import { type AuditLog, createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import type {
  SubjectEvaluation,
  SubjectMonths,
  SubjectQuestion,
  SubjectSearch,
} from '#schemas/subject-keys.ts'
import type { HolderSettings } from './config.ts'
import { evaluateRecords } from './evaluate-records.ts'
import { hashIdentifier } from './hash-identifier.ts'
import { type MonthState, openMonthKeys } from './month-keys.ts'
import { oldestKept } from './months.ts'
import { openHolderStore } from './store.ts'
import { openWrappingKeys } from './wrapping-keys.ts'

export type Holder = {
  /** Of records in the order of the log. Throws `invalid_input`. */
  evaluateRecords(questions: SubjectQuestion[]): Promise<SubjectEvaluation[]>
  /** Throws `subject_searches_used_up`, `invalid_input`. */
  evaluateSearch(search: SubjectSearch): Promise<SubjectMonths>
  state(): Promise<{ months: MonthState[]; oldestKept: string; mark: number }>
  destroyDue(): Promise<string[]>
  audit: AuditLog
}

const SYSTEM = { id: 'subject-keys', name: 'subject-keys' }

/** `database` is migrated by holderMigrations. */
export async function createHolder(q: {
  database: Parameters<typeof openHolderStore>[0]
  directory: string
  clock: Clock
  keepMonths: number
  limits: HolderSettings['limits']
}): Promise<Holder> {
  const { clock, limits } = q
  const store = await openHolderStore(q.database)
  const wrapping = await openWrappingKeys(q.directory)
  const keys = await openMonthKeys({ store, wrapping, keepMonths: q.keepMonths, clock })
  const audit = createAuditLog({ database: q.database, clock })
  const inTurn = createTurn()

  const destroyDue = (): Promise<string[]> =>
    keys.destroyDue((months) =>
      audit.before({ caller: SYSTEM, operation: 'destroyKeys', target: months.join(' '), data: { months } }),
    )

  const evaluateSearch = async (search: SubjectSearch): Promise<SubjectMonths> => {
    const { type, identifier, person, case: number, reason } = search
    const months = keys
      .forSearch()
      .filter(({ month }) => month >= (search.from ?? '') && month <= (search.to ?? '9'))
      .map(({ month, key }) => ({ month, hash: hashIdentifier(key, type, identifier) }))
    const target = `case ${number}`
    const data = { case: number, reason, type, searched: months.length, ...months.at(-1) }
    const used = await store.countSearch(new Date(clock()).toISOString().slice(0, 10), [
      { scope: 'person', who: person.id, most: limits.perPersonDay },
      { scope: 'case', who: number, most: limits.perCaseDay },
      { scope: 'all', who: '', most: limits.perDay },
    ])
    if (used !== undefined) {
      const told = { case: number, reason, type }
      await audit.before({
        caller: person,
        operation: 'refuseSearch',
        target,
        data: { ...told, usedUp: used },
      })
      throw new Fault('subject_searches_used_up', {
        what: used === 'all' ? 'of all people' : `of this ${used}`,
      })
    }
    await audit.before({ caller: person, operation: 'evaluateSearch', target, data })
    const states = await keys.states()
    return {
      months,
      destroyed: states.filter(({ destroyedAt }) => destroyedAt !== null).map(({ month }) => month),
      oldestKept: oldestKept(clock(), q.keepMonths),
    }
  }

  return {
    evaluateRecords: (questions) => inTurn(() => evaluateRecords(questions, { store, keys })),
    evaluateSearch,
    state: async () => ({
      months: await keys.states(),
      oldestKept: oldestKept(clock(), q.keepMonths),
      mark: await store.mark(),
    }),
    destroyDue,
    audit,
  }
}
