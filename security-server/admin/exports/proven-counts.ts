/** The daily counts of a log as an export holds them: each with the proof that the log committed to it. */
import type { DailyCounts } from '#core/log-export/judge-counts.ts'
import type { ReadableLog } from '../readable-log.ts'

/** Rows of a day may be many. */
const AT_ONCE = 10

/** Oldest first, below and under the tree head of `size`. */
export async function* provenCounts(
  log: Pick<ReadableLog, 'dailyCounts' | 'proof'>,
  size: number,
): AsyncGenerator<DailyCounts> {
  let after = -1
  for (;;) {
    const some = await log.dailyCounts({ after, size, limit: AT_ONCE })
    for (const { index, document, rows } of some) {
      const { form, path, openings } = await log.proof(index, size)
      const { message } = openings
      after = index
      // Its log key is gone with all that it opened: what it counted is open.
      if (message === undefined) continue
      const opening = { key: message.key.toString('base64'), digest: message.digest.toString('base64') }
      yield { index, form, path: path.map((node) => node.toString('base64')), opening, document, rows }
    }
    if (some.length < AT_ONCE) return
  }
}
