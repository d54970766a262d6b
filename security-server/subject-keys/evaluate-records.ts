/**
 * Evaluates the people of records in the order of the log: of one record index so many identifiers as a message may have, however
 * often and with whatever they are asked; none of an index or a month further back than the log could be; and no more a day than
 * its bounds allow, whatever is restarted. Each day is on record.
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

/** A batch may come again after a crash of the server, with what is declared since; what lies further back never does. */
const KEPT_INDEXES = 10_000
/** Records are logged when they happen: by so many months one may be of an earlier month than one before it. */
const LAG_MONTHS = 1
const SYSTEM = { id: 'subject-keys', name: 'subject-keys' }

type Evaluation = {
  store: EvaluationStore
  keys: MonthKeys
  audit: AuditLog
  clock: Clock
  limits: EvaluationLimits
}

/** One call at a time. Throws `invalid_input`, `subject_evaluations_used_up`. */
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
  // A clock that ran ahead for a while must not shut out the months that it left out.
  let newest = stored === undefined ? undefined : earlier(stored, newestPossible(q.clock()))
  const before = await store.evaluated(indexes.filter((index) => index < mark))
  const rows: EvaluatedRow[] = []
  const answers: SubjectEvaluation[] = []
  for (const { index, month, subjects } of questions) {
    const refuse = (): void => void answers.push({ index, without: 'refused' })
    // Else whoever has this credential could try codes for any month that was.
    const isLate = newest !== undefined && month < monthsAfter(newest, -LAG_MONTHS)
    const key = isLate && !keys.isGone(month) ? 'late' : await keys.forRecord(month)
    if (!Buffer.isBuffer(key)) {
      // A clock that runs ahead must not stop the index.
      if (key === 'destroyed') answers.push({ index, without: key })
      else refuse()
      continue
    }
    // What is no identifier here, whatever it is to the server, holds back none of the records after it.
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
    // Else whoever has this credential could try code after code on one index.
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

/** Durable before anybody has an answer, or thrown. */
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
  // The rest of the day's are counted, and stand in its record.
  if (isFirst) {
    const data = { index, usedUp }
    await q.audit.before({ caller: SYSTEM, operation: 'refuseRecords', target: `record ${index}`, data })
  }
  if (usedUp !== undefined)
    throw new Fault('subject_evaluations_used_up', { what: `limits.${usedUp}, by record ${index}` })
}

/** One record in the audit log for each day that is over. */
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
