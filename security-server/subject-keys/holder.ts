/**
 * The operations of the key holder. It evaluates identifiers of records, as many per record as a message may
 * have, and of searches, each bound to a case and a person. Everything is counted and recorded before it is
 * done. The holder stores no identifier and no hash of one.
 */

import { oldestKept } from '#core/subject/months.ts'
import { type AuditLog, createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import type {
  SubjectEvaluation,
  SubjectLookUp,
  SubjectMonths,
  SubjectQuestion,
  SubjectSearch,
} from '#schemas/subject-keys.ts'
import type { HolderSettings } from './config.ts'
import { evaluateLookUp, recordPastLookUps } from './evaluate-look-up.ts'
import { dayOf, evaluateRecords, recordPastDays } from './evaluate-records.ts'
import { evaluateSearch, recordPastRefusals } from './evaluate-search.ts'
import { createEvaluationStore, type EvaluationDay } from './evaluation-store.ts'
import { type HeardTime, openHeardTime } from './heard-time.ts'
import { createLookUpStore } from './look-up-store.ts'
import { type MonthState, openMonthKeys } from './month-keys.ts'
import { openHolderStore } from './store.ts'
import { openWrappingKeys } from './wrapping-keys.ts'

export type Holder = {
  /** For records in the order of the log. Throws `invalid_input`, `subject_evaluations_used_up`. */
  evaluateRecords(questions: SubjectQuestion[]): Promise<SubjectEvaluation[]>
  /** Throws `subject_searches_used_up`, `invalid_input`. */
  evaluateSearch(search: SubjectSearch): Promise<SubjectMonths>
  /** Throws `subject_searches_used_up`, `invalid_input`. */
  evaluateLookUp(asked: SubjectLookUp): Promise<SubjectMonths>
  state(): Promise<{ months: MonthState[]; oldestKept: string; mark: number; today: EvaluationDay }>
  /** Writes what was evaluated and refused on past days into the audit log. */
  recordPastDays(): Promise<void>
  /** Destroys what is over by its clock and by what it has heard. */
  destroyDue(): Promise<string[]>
  /**
   * The months whose keys are over by the clock, and stay until a server has told a time that others signed.
   */
  waiting(): string[]
  heard: HeardTime['heard']
  audit: AuditLog
}

const SYSTEM = { id: 'subject-keys', name: 'subject-keys' }

/** The migrations `holderMigrations` must have run on `database`. */
export async function createHolder(q: {
  database: Parameters<typeof openHolderStore>[0]
  directory: string
  clock: Clock
  elapsed?: () => number
  keepMonths: number
  limits: HolderSettings['limits']
}): Promise<Holder> {
  const { clock, limits } = q
  const store = await openHolderStore(q.database)
  const wrapping = await openWrappingKeys(q.directory)
  const time = await openHeardTime({ store, clock, ...(q.elapsed && { elapsed: q.elapsed }) })
  const { keepMonths } = q
  const keys = await openMonthKeys({ store, wrapping, keepMonths, clock, proven: time.proven })
  const audit = createAuditLog({ database: q.database, clock })
  const inTurn = createTurn()
  const lookingUp = {
    ...{ store: createLookUpStore(q.database), keys, audit, clock },
    ...{ keepMonths: q.keepMonths, limits },
  }
  const searching = { store, keys, audit, clock, keepMonths: q.keepMonths, limits }
  const evaluation = { store: createEvaluationStore(q.database), keys, audit, clock, limits }

  const destroyDue = async (): Promise<string[]> => {
    await time.keep()
    return keys.destroyDue((months) =>
      audit.before({ caller: SYSTEM, operation: 'destroyKeys', target: months.join(' '), data: { months } }),
    )
  }

  return {
    evaluateRecords: (questions) => inTurn(() => evaluateRecords(questions, evaluation)),
    evaluateSearch: (search) => evaluateSearch(search, searching),
    evaluateLookUp: (asked) => evaluateLookUp(asked, lookingUp),
    state: async () => ({
      months: await keys.states(),
      oldestKept: oldestKept(clock(), q.keepMonths),
      mark: (await evaluation.store.marks()).mark ?? 0,
      today: await evaluation.store.day(dayOf(clock)),
    }),
    recordPastDays: () =>
      inTurn(async () => {
        await recordPastDays(evaluation)
        await recordPastRefusals(searching)
        await recordPastLookUps(lookingUp)
      }),
    destroyDue,
    waiting: keys.waiting,
    heard: time.heard,
    audit,
  }
}
