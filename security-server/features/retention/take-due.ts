/**
 * Selects records whose content is due to end and that no hold covers. Records that a hold covers leave the
 * queue until it is lifted.
 */

import type { EndedLog } from './ended-log.ts'
import type { ActiveHold } from './holds/scope.ts'
import { covers } from './holds/scope.ts'
import type { DueRow } from './store.ts'

type Due = {
  rows: DueRow[]
  /** How many records were due, including held ones. */
  found: number
  /** The number of the set of holds that was compared (holds/store.ts). */
  holds: number
}

export async function takeDue(
  { retention, holds, search }: Pick<EndedLog, 'retention' | 'holds' | 'search'>,
  q: { now: number; stoppedBy: number; limit: number },
): Promise<Due> {
  const { number, holds: active } = await holds.active()
  const found = await retention.due({ ...q, now: new Date(q.now).toISOString() })
  if (active.length === 0) return { rows: found, found: found.length, holds: number }
  const holding = await holdsOf(
    search,
    found.map(({ idx }) => idx),
    active,
  )
  for (const [idx, { id }] of holding) await retention.stop([idx], id)
  return { rows: found.filter(({ idx }) => !holding.has(idx)), found: found.length, holds: number }
}

/**
 * The first hold that covers each record, by index. A record without a row in the search index is compared by
 * its index; its other fields count as empty.
 */
export async function holdsOf(
  search: EndedLog['search'],
  indexes: number[],
  active: ActiveHold[],
): Promise<Map<number, ActiveHold>> {
  const rows = new Map((await search.byIndexes(indexes)).map((row) => [row.idx, row]))
  const holding = new Map<number, ActiveHold>()
  for (const idx of indexes) {
    const record = rows.get(idx) ?? { idx, time: '', query_id: '', client: '', service: '', peer: '' }
    const hold = active.find(({ scope }) => covers(scope, record))
    if (hold !== undefined) holding.set(idx, hold)
  }
  return holding
}
