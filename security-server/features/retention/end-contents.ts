/** Erases the content of records whose time is over and that no hold covers, one batch in one commit. */
import type { Erased, Erasure } from '../../message-log/erasure/erase.ts'
import type { RetentionClass } from './classes.ts'
import type { EndedLog } from './ended-log.ts'
import { takeDue } from './take-due.ts'

/** The number of erased contents, and whether there may be more to erase. */
export type Ended = { erased: number; more: boolean }

export async function endContents(q: {
  log: EndedLog
  now: number
  limit: number
  erase(erasures: Erasure[], holds: number): Promise<Erased[]>
}): Promise<Ended> {
  const { rows, found, holds } = await takeDue(q.log, { ...q, stoppedBy: 0 })
  const classes = new Map((await q.log.retention.classes()).map((each) => [each.id, each]))
  const ids = [...new Set(rows.flatMap(({ archive }) => (archive === null ? [] : [archive])))]
  const files = await q.log.archives.fileNames(ids)
  const erasures = rows.map(({ idx, class: id, ends, archive, atEnd: decided }): Erasure => {
    const { name, atEnd } = classes.get(id) as RetentionClass
    const file = archive === null ? undefined : files.get(archive)
    const extra = { reason: 'end of retention', class: name, effective: ends, archive: file }
    return { index: idx, mode: decided ?? atEnd, extra }
  })
  if (erasures.length > 0) await q.erase(erasures, holds)
  return { erased: erasures.length, more: found === q.limit }
}
