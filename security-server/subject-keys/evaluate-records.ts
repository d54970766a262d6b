/**
 * Evaluates the people of records in the order of the log: of one record index so many identifiers as a message may have, however
 * often and with whatever they are asked, and none of an index that lies further back than a crash could have left it.
 */
import { MAX_SUBJECTS } from '#core/subject/read-subjects.ts'
import { Fault } from '#schemas/fault.ts'
import type { SubjectEvaluation, SubjectQuestion } from '#schemas/subject-keys.ts'
import { digestHash, hashIdentifier } from './hash-identifier.ts'
import type { MonthKeys } from './month-keys.ts'
import type { EvaluatedRow, HolderStore } from './store.ts'

/** A batch may come again after a crash of the server, with what is declared since; what lies further back never does. */
const KEPT_INDEXES = 10_000

/** One call at a time. Throws `invalid_input`. */
export async function evaluateRecords(
  questions: SubjectQuestion[],
  { store, keys }: { store: HolderStore; keys: MonthKeys },
): Promise<SubjectEvaluation[]> {
  const indexes = questions.map(({ index }) => index)
  if (indexes.some((index, i) => i > 0 && index <= indexes[i - 1]!))
    throw new Fault('invalid_input', { what: 'record indexes rise from one to the next' })
  const mark = await store.mark()
  const before = await store.evaluated(indexes.filter((index) => index < mark))
  const rows: EvaluatedRow[] = []
  const answers: SubjectEvaluation[] = []
  for (const { index, month, subjects } of questions) {
    const key = await keys.forRecord(month)
    if (!Buffer.isBuffer(key)) {
      // A clock that runs ahead must not stop the index.
      answers.push({ index, without: key === 'destroyed' ? key : 'refused' })
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
      answers.push({ index, without: 'refused' })
      continue
    }
    for (const digest of news.values()) rows.push({ idx: index, digest })
    answers.push({ index, hashes })
  }
  // Durable before anybody has an answer.
  if (rows.length > 0) await store.noteEvaluated(rows, Math.max(mark, rows.at(-1)!.idx + 1), KEPT_INDEXES)
  return answers
}
