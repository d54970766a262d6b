/** What the log's worker does for the index by person. */
import type { LogDatabase } from '../../../message-log/log-database.ts'
import type { KeyFinder } from '../../../message-log/open-record.ts'
import type { CountedSubjects, Looked, LookedQuestion } from './count-store.ts'
import { openSources, readRange, readRequest, type SubjectRange, type SubjectSource } from './read-sources.ts'
import { type IndexedMonth, type LookedAt, SUBJECTS } from './store.ts'

type Days = { from?: string | undefined; to?: string | undefined }

/** What the index covers of some days (UTC, both included), and how far behind the log it is. */
export type SubjectCoverage = {
  /** Records by what became of them. */
  totals: { reason: string; records: number }[]
  /** What is not covered, newest day first; `more` when some were left out. */
  gaps: CountedSubjects[]
  more: boolean
  /** What was indexed of their months, whole ones, and with which keys. */
  months: IndexedMonth[]
  /** Records that are not looked at yet, and since when the oldest of them waits. */
  backlog: { records: number; since: string | null }
  mark: number
}

export type SubjectsApi = {
  subjectRange(): Promise<SubjectRange>
  /** The first of these records, opened, as many as have room. */
  subjectSources(indexes: number[]): Promise<SubjectSource[]>
  /** The message of a request, where it is kept. */
  subjectRequest(idx: number): Promise<Buffer | undefined>
  putSubjects(q: { from: number; to: number; records: LookedAt[] }): Promise<void>
  subjectCoverage(days: Days): Promise<SubjectCoverage>
  subjectsLooked(q: LookedQuestion): Promise<Looked | undefined>
  subjectMark(): Promise<number>
  /** How many records are not looked at yet. */
  subjectBacklog(): Promise<number>
  /** One slice; says how many entries were deleted. */
  forgetSubjects(month: string): Promise<number>
}

const MAX_GAPS = 500

export function workerSubjects(q: {
  log: LogDatabase
  findKey: KeyFinder
  inTurn<T>(act: () => Promise<T>): Promise<T>
}): SubjectsApi {
  const { log, inTurn } = q
  const { subjects, subjectCounts, records } = log
  return {
    subjectRange: () => readRange(log),
    subjectSources: (indexes) => openSources(log, q.findKey, indexes),
    subjectRequest: (idx) => readRequest(log, q.findKey, idx),
    putSubjects: (some) => inTurn(() => subjects.add(some)),
    subjectCoverage: async (days) => {
      const gaps = await subjectCounts.gaps({ ...days, limit: MAX_GAPS + 1 })
      const mark = (await records.mark(SUBJECTS)) ?? 0
      const { size } = await records.head()
      const [oldest] = await records.forms(mark, 1)
      return {
        totals: [...(await subjectCounts.totals(days))].map(([reason, count]) => ({
          reason,
          records: count,
        })),
        gaps: gaps.slice(0, MAX_GAPS),
        more: gaps.length > MAX_GAPS,
        months: await subjects.months(days),
        backlog: {
          records: Math.max(0, size - mark),
          since: oldest === undefined ? null : (JSON.parse(oldest.form) as { time: string }).time,
        },
        mark,
      }
    },
    subjectsLooked: (asked) => subjectCounts.looked(asked),
    subjectMark: async () => (await records.mark(SUBJECTS)) ?? 0,
    subjectBacklog: async () => {
      const { size } = await records.head()
      return Math.max(0, size - ((await records.mark(SUBJECTS)) ?? 0))
    },
    forgetSubjects: (month) => inTurn(() => subjects.forgetMonth(month)),
  }
}
