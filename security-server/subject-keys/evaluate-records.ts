/**
 * Evaluates the identifiers in records, in the order of the log. Three bounds: one record index has at most
 * as many identifiers as a message may have, however often it is asked; indexes and months far behind the
 * newest ones are refused; each day has limits that a restart does not reset. Each day is recorded in the
 * audit log.
 */
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { monthsAfter, newestPossible } from '#core/subject/months.ts'
import { MAX_SUBJECTS } from '#core/subject/read-subjects.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { SubjectEvaluation, SubjectQuestion } from '#schemas/subject-keys.ts'
import type { EvaluatedRow, EvaluationLimits, EvaluationMarks, EvaluationStore } from './evaluation-store.ts'
import { digestHash, hashIdentifier, keyIdOf } from './hash-identifier.ts'
import type { MonthKeys } from './month-keys.ts'

/**
 * After a crash the server may send a batch again, with the identifiers declared since. It never sends
 * records further back than this.
 */
const KEPT_INDEXES = 10_000
/**
 * Records are logged when they happen: a record may be at most this many months earlier than one before it.
 */
const LAG_MONTHS = 1
const SYSTEM = { id: 'subject-keys', name: 'subject-keys' }

type Evaluation = {
  store: EvaluationStore
  keys: MonthKeys
  audit: AuditLog
  clock: Clock
  limits: EvaluationLimits
}

/** Calls must run one at a time. Throws `invalid_input`, `subject_evaluations_used_up`. */
export async function evaluateRecords(
  questions: SubjectQuestion[],
  q: Evaluation,
): Promise<SubjectEvaluation[]> {
  const { store, keys } = q
  const indexes = questions.map(({ index }) => index)
  if (indexes.some((index, i) => i > 0 && index <= indexes[i - 1]!))
    throw new Fault('invalid_input', { what: 'record indexes rise from one to the next' })
  await recordPastDays(q)
  const marks = await store.marks()
  const { mark = 0, newest: stored } = marks
  // When the clock ran ahead for a while, the months that it skipped must still be accepted.
  let newest = stored === undefined ? undefined : earlier(stored, newestPossible(q.clock()))
  const before = await store.evaluated(indexes.filter((index) => index < mark))
  const rows: EvaluatedRow[] = []
  const answers: SubjectEvaluation[] = []
  for (const { index, month, subjects } of questions) {
    const refuse = (): void => void answers.push({ index, without: 'refused' })
    // Otherwise a thief of the credential could try identifiers for any past month.
    const isLate = newest !== undefined && month < monthsAfter(newest, -LAG_MONTHS)
    const past = keys.isGone(month) ? 'destroyed' : 'late'
    const key = isLate ? past : await keys.forRecord(month)
    if (!Buffer.isBuffer(key)) {
      // A server whose clock runs ahead must not stop the index, so the record is refused but the batch goes
      // on.
      if (key === 'destroyed') answers.push({ index, without: key })
      else refuse()
      continue
    }
    // A text that is no identifier here, even if the server took it for one, must not stop the records after
    // it.
    if (subjects.some(({ identifier }) => normaliseIdentifier(identifier) === undefined)) {
      refuse()
      continue
    }
    const hashes = subjects.map(({ type, identifier }) => hashIdentifier(key, type, identifier))
    const known = before.get(index) ?? new Set<string>()
    const news = new Map(
      hashes.map((hash) => digestHash(key, index, hash)).map((d) => [d.toString('hex'), d]),
    )
    for (const digest of known) news.delete(digest)
    // Otherwise a thief of the credential could try one identifier after another on one index.
    if (index < mark - KEPT_INDEXES || known.size + news.size > MAX_SUBJECTS) {
      refuse()
      continue
    }
    for (const digest of news.values()) rows.push({ idx: index, digest, month })
    if (newest === undefined || month > newest) newest = month
    answers.push({ index, hashes, keyId: keyIdOf(key) })
  }
  await note(rows, answers, { ...q, marks, newest })
  return answers
}

/**
 * Stores durably what was evaluated and refused, before the caller gets an answer. Throws
 * `subject_evaluations_used_up`.
 */
async function note(
  rows: EvaluatedRow[],
  answers: SubjectEvaluation[],
  q: Evaluation & { marks: EvaluationMarks; newest: string | undefined },
): Promise<void> {
  const refused = answers.filter((answer) => 'without' in answer && answer.without === 'refused')
  if (rows.length === 0 && refused.length === 0) return
  const { usedUp, isFirst } = await q.store.note({
    ...{ day: dayOf(q.clock), rows, limits: q.limits, refused: refused.length },
    ...{ before: q.marks, newest: q.newest, kept: KEPT_INDEXES },
  })
  const index = usedUp === undefined ? refused[0]?.index : rows.at(-1)?.idx
  // Later refusals of the day are only counted; the day's record has their number.
  if (isFirst) {
    const data = { index, usedUp }
    await q.audit.before({ caller: SYSTEM, operation: 'refuseRecords', target: `record ${index}`, data })
  }
  if (usedUp !== undefined)
    throw new Fault('subject_evaluations_used_up', { what: `limits.${usedUp}, by record ${index}` })
}

/** Writes one record into the audit log for each past day. */
export async function recordPastDays({ store, audit, clock }: Omit<Evaluation, 'keys' | 'limits'>) {
  for (const { day, ...data } of await store.daysBefore(dayOf(clock))) {
    await audit.before({ caller: SYSTEM, operation: 'evaluateRecords', target: `day ${day}`, data })
    await store.forgetDay(day)
  }
}

export function dayOf(clock: Clock): string {
  return new Date(clock()).toISOString().slice(0, 10)
}

function earlier(a: string, b: string): string {
  return a < b ? a : b
}
