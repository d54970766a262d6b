/** The daily counts of a log as an export holds them: each with the proof that the log committed to it. */
import type { DailyCounts } from '#core/log-export/daily-counts.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'

const AT_ONCE = 200
/** Of all counts in one export: the newest. What older ones would settle stays open. */
const MAX_OCTETS = 64 * 1024 * 1024

/** Those of days that the times may touch, oldest first, below and under the tree head of `size`. */
export async function* provenCounts(
  log: Pick<ReadableLog, 'countedDays' | 'countsOf' | 'proof'>,
  { size, from, to }: { size: number; from?: string | undefined; to?: string | undefined },
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
    // Its log key is gone with all that it opened: what it counted is open.
    if (counts === undefined || message === undefined) continue
    const { document, rows } = counts
    const opening = { key: message.key.toString('base64'), digest: message.digest.toString('base64') }
    yield { index, form, path: path.map((node) => node.toString('base64')), opening, document, rows }
  }
}
