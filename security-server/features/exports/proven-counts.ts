/** The daily counts of the log for an export, each with the proof that the log committed to it. */
import { type DailyCounts, readCountsDocument } from '#core/log-export/daily-counts.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'

const AT_ONCE = 200
/**
 * The largest sum of all counts in one export; newer counts are preferred. Without the older ones, the
 * verifier reports more records as not shown.
 */
const MAX_OCTETS = 64 * 1024 * 1024

/**
 * The counts of all days that overlap the times, oldest first. Takes those below the tree head of `size`, and
 * proves them under it.
 */
export async function* provenCounts(
  log: Pick<ReadableLog, 'countedDays' | 'countsOf' | 'proof'>,
  {
    size,
    from,
    to,
    gone,
  }: {
    size: number
    from?: string | undefined
    to?: string | undefined
    /** Records that are left out of the rows. */
    gone: ReadonlySet<number>
  },
): AsyncGenerator<DailyCounts> {
  const indexes: number[] = []
  let [before, octets] = [size, 0]
  while (octets <= MAX_OCTETS) {
    const days = await log.countedDays({ before, limit: AT_ONCE })
    for (const day of days) {
      before = day.index
      if ((to !== undefined && day.from >= to) || (from !== undefined && day.to <= from)) continue
      octets += day.octets
      if (octets <= MAX_OCTETS) indexes.push(day.index)
    }
    if (days.length < AT_ONCE) break
  }
  for (const index of indexes.reverse()) {
    const counts = await log.countsOf(index)
    const { form, path, openings } = await log.proof(index, size)
    const { message } = openings
    // The log key was destroyed, so these counts cannot be opened any more.
    if (counts === undefined || message === undefined) continue
    const { document, rows } = counts
    // Below this tree head no erasure explains why fewer are shown than were counted.
    if (isAnyIn(document, gone)) continue
    const opening = { key: message.key.toString('base64'), digest: message.digest.toString('base64') }
    yield { index, form, path: path.map((node) => node.toString('base64')), opening, document, rows }
  }
}

function isAnyIn(document: string, gone: ReadonlySet<number>): boolean {
  const { first, last } = readCountsDocument(document)
  for (const index of gone) if (index >= first && index <= last) return true
  return false
}
