/** The index by person as other rooms use it; searches go through the log's own list, whose filter takes its entries. */
import type { MessageLog } from '../../../message-log/message-log.ts'
import type { Looked, LookedQuestion } from './count-store.ts'
import { type IndexingRooms, indexSubjects } from './index-subjects.ts'
import type { SubjectCoverage, SubjectMethods } from './part.ts'

export type SubjectLog = {
  /** Indexes what is new, for some seconds; for a job. Says how many records were looked at. Throws what the rooms throw. */
  index(rooms: IndexingRooms, signal?: AbortSignal): Promise<number>
  /** Of days (UTC, both included), or of all. */
  coverage(days: { from?: string | undefined; to?: string | undefined }): Promise<SubjectCoverage>
  /** What of a service was looked at before this record, or on this day or before. */
  looked(q: LookedQuestion): Promise<Looked | undefined>
  /** The first record that is not looked at yet. */
  mark(): Promise<number>
  /** How many records are not looked at yet. */
  backlog(): Promise<number>
  /** Deletes what is left of months whose key is gone. */
  forget(months: readonly string[]): Promise<number>
}

export function subjectLog(
  log: Pick<MessageLog<SubjectMethods>, 'parts' | 'bodies' | 'maintain'>,
): SubjectLog {
  const { parts } = log
  return {
    index: async (rooms, signal) => {
      await log.maintain()
      return indexSubjects(log, rooms, signal)
    },
    coverage: (days) => parts.subjectCoverage(days),
    looked: (asked) => parts.subjectsLooked(asked),
    mark: () => parts.subjectMark(),
    backlog: () => parts.subjectBacklog(),
    forget: async (months) => {
      let deleted = 0
      for (const month of months) {
        for (;;) {
          const some = await parts.forgetSubjects(month)
          deleted += some
          if (some === 0) break
        }
      }
      return deleted
    },
  }
}
