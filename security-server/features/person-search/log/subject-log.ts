/**
 * The index by person for the rest of the server. Searches use the log's own list, whose filter accepts
 * entries of this index.
 */
import type { MessageLog } from '../../../message-log/message-log.ts'
import type { Looked, LookedQuestion } from './count-store.ts'
import { type IndexingRooms, indexSubjects } from './index-subjects.ts'
import type { SubjectCoverage, SubjectMethods } from './part.ts'

export type SubjectLog = {
  /**
   * For a job: indexes new records for some seconds and returns how many were processed. Throws the faults of
   * `rooms`.
   */
  index(rooms: IndexingRooms, signal?: AbortSignal): Promise<number>
  /** The coverage of these UTC days, both included, or of all. */
  coverage(days: { from?: string | undefined; to?: string | undefined }): Promise<SubjectCoverage>
  /** The records of a service that were processed, by days and by first record. */
  looked(q: LookedQuestion): Promise<Looked | undefined>
  /** The first record that is not indexed yet. */
  mark(): Promise<number>
  /** How many records are not indexed yet. */
  backlog(): Promise<number>
  /** Deletes the entries of months whose key was destroyed. Returns how many were deleted. */
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
