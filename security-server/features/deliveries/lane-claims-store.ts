/** Claims of several rows of one lane together: what stands behind a row goes out and comes back with it. */
import { sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import { isOver } from '#platform/not-before.ts'
import { type Boxes, rowOf, type Stored } from './claims-store.ts'
import { isKeyed, UNCLAIMED } from './lanes-store.ts'
import { LONGEST_CLAIM_MS, type Tables } from './tables.ts'

export function laneClaims<Name extends keyof Boxes>(database: Database, name: Name) {
  type Row = Stored<Boxes[Name]>
  const tables = tablesOf<Tables>(database)
  // Both tables have the columns that are used here.
  const box = name as 'outbox'
  const isPostgresql = database.dialect === 'postgresql'

  return {
    /**
     * Claims what waits behind a claimed head, up to the first row that somebody else has: a head that was
     * redriven stands before rows that were given out already.
     */
    claimBehind: async (q: {
      head: Row
      keys: string[]
      token: string
      now: string
      until: string
      limit: number
    }): Promise<Row[]> => {
      if (!isKeyed(q.head) || q.limit <= 0) return []
      const behind = await tables
        .selectFrom(box)
        .select(['position', 'claimed_until', 'key_id'])
        .where('lane', '=', q.head.lane)
        .where('state', '=', 'waiting')
        .where('position', '>', q.head.position)
        .orderBy('position')
        .limit(q.limit)
        .execute()
      const held = { now: q.now, longestMs: LONGEST_CLAIM_MS }
      const isFree = (one: (typeof behind)[number]): boolean =>
        isOver(one.claimed_until, held) && q.keys.includes(one.key_id)
      const end = behind.findIndex((one) => !isFree(one))
      const positions = (end < 0 ? behind : behind.slice(0, end)).map(({ position }) => Number(position))
      if (positions.length === 0) return []
      const rows = await tables
        .updateTable(box)
        .set((old) => ({
          claimed_by: q.token,
          claimed_until: q.until,
          attempts: old('attempts', '+', 1),
        }))
        .where('position', 'in', positions)
        .where('state', '=', 'waiting')
        .where(whereOver('claimed_until', held))
        .returningAll()
        .execute()
      return rows.map(rowOf<Row>).sort((a, b) => a.position - b.position)
    },

    /**
     * Gives a row back, and in the same commit what its token has claimed behind it in its lane: nobody else
     * may get the one while the other is out. What stands behind is as if it had not been claimed. Resolves
     * to the positions; none when the claim has ended.
     */
    giveBackWithLane: async (
      row: Row,
      q: { token: string; dueAt: string; uncounted: boolean },
    ): Promise<number[]> => {
      const rows = await tables
        .with('head', (on) => {
          const head = on
            .selectFrom(box)
            .select('position')
            .where('position', '=', row.position)
            .where('state', '=', 'waiting')
            .where('claimed_by', '=', q.token)
          return isPostgresql ? head.forUpdate() : head
        })
        .updateTable(box)
        .set((old) => ({
          ...UNCLAIMED,
          due_at: sql<string>`case when position = ${row.position} then ${q.dueAt} else due_at end`,
          attempts: q.uncounted
            ? old('attempts', '-', 1)
            : sql<number>`attempts - case when position = ${row.position} then 0 else 1 end`,
        }))
        .where('lane', '=', row.lane)
        .where('state', '=', 'waiting')
        .where('position', '>=', row.position)
        .where('claimed_by', '=', q.token)
        .where((has) => has.exists(has.selectFrom('head').select('head.position')))
        .returning('position')
        .execute()
      return rows.map(({ position }) => Number(position)).sort((a, b) => a - b)
    },
  }
}
