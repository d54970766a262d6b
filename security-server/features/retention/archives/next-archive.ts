/** What the next archive is to hold: records of one class whose content has come to its end, and that no hold covers. */
import type { RetentionClass } from '../classes.ts'
import type { EndedLog } from '../ended-log.ts'
import { AWAITS_ARCHIVE } from '../store.ts'
import { takeDue } from '../take-due.ts'
import type { Previous } from './store.ts'

export type NextArchive = {
  class: RetentionClass
  /** In rising order. */
  indexes: number[]
  previous: Previous
}

/** `wait` when nothing is due, or what is due waits for an archive that another node has begun. */
export async function nextArchive(
  log: EndedLog,
  q: { now: number; limit: number },
): Promise<NextArchive | 'again' | 'wait'> {
  const { rows, found } = await takeDue(log, { ...q, stoppedBy: AWAITS_ARCHIVE })
  // Held ones have left the queue: there may be others behind them.
  if (rows.length === 0) return found === 0 ? 'wait' : 'again'
  const begun = new Set((await log.archives.pending()).map((one) => one.class))
  const first = rows.find((row) => !begun.has(row.class))
  if (first === undefined) return 'wait'
  const its = (await log.retention.classes()).find(({ id }) => id === first.class) as RetentionClass
  const indexes = rows.filter((row) => row.class === first.class).map(({ idx }) => idx)
  if (its.archive === 'NONE') {
    // The class has changed since that was decided.
    await log.retention.stop(indexes, 0)
    return 'again'
  }
  indexes.sort((a, b) => a - b)
  return { class: its, indexes, previous: await log.archives.previous(first.class) }
}
