/**
 * Chooses the records of the next archive: records of one class that are archived alike, whose content is due
 * and that no hold covers.
 */
import type { RetentionClass } from '../classes.ts'
import type { EndedLog } from '../ended-log.ts'
import { AWAITS_ARCHIVE } from '../store.ts'
import { takeDue } from '../take-due.ts'
import type { Previous } from './store.ts'

export type NextArchive = {
  class: RetentionClass
  /** In ascending order. */
  indexes: number[]
  previous: Previous
}

/**
 * Returns `wait` when nothing is due, or when all due records belong to classes whose archive is still
 * pending. Returns `again` when the caller must ask once more.
 */
export async function nextArchive(
  log: EndedLog,
  q: { now: number; limit: number },
): Promise<NextArchive | 'again' | 'wait'> {
  const { rows, found } = await takeDue(log, { ...q, stoppedBy: AWAITS_ARCHIVE })
  // All records of this batch are held and have left the queue. Others may follow.
  if (rows.length === 0) return found === 0 ? 'wait' : 'again'
  const begun = new Set((await log.archives.pending()).map((one) => one.class))
  const first = rows.find((row) => !begun.has(row.class))
  if (first === undefined) return 'wait'
  const present = (await log.retention.classes()).find(({ id }) => id === first.class) as RetentionClass
  // What waits for an archive without needing one was decided by an older version, whose word is the class.
  const decided = first.archiveMode === 'NONE' ? null : first.archiveMode
  const its = { ...present, archive: decided ?? present.archive }
  const alike = rows.filter((row) => row.class === first.class && row.archiveMode === first.archiveMode)
  const indexes = alike.map(({ idx }) => idx)
  if (its.archive === 'NONE') {
    // An earlier version decided these, and the class was changed since: its records need no archive any
    // more.
    await log.retention.stop(indexes, 0)
    return 'again'
  }
  indexes.sort((a, b) => a - b)
  return { class: its, indexes, previous: await log.archives.previous(first.class) }
}
