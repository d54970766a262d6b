/**
 * Who works on which rows of a box: a claim is for a time, and over when it runs out or its process starts
 * anew.
 */
import { sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import { UNCLAIMED } from './lanes-store.ts'
import { type InboxRow, LONGEST_CLAIM_MS, LONGEST_WAIT_MS, type OutboxRow, type Tables } from './tables.ts'

export type Boxes = { outbox: OutboxRow; inbox: InboxRow }
export type NewRow<Row> = Omit<Row, 'position' | 'ready' | 'end_record' | 'exchange_record' | 'claimed_by'>
export type Stored<Row> = Omit<Row, 'position'> & { position: number }
export type OfBox = { outbox: 'route'; inbox: 'service' }

/** One of the stores gives numbers as texts. */
export function rowOf<Row>(row: unknown): Row {
  const found = row as { position: unknown; attempts: unknown }
  return { ...found, position: Number(found.position), attempts: Number(found.attempts) } as Row
}

export function boxClaims<Name extends keyof Boxes>(database: Database, name: Name) {
  type Row = Stored<Boxes[Name]>
  const tables = tablesOf<Tables>(database)
  // Both tables have the columns that are used here.
  const box = name as 'outbox'
  const isPostgresql = database.dialect === 'postgresql'
  // Who had claimed it before ended without a word: the message may be there already, and no receipt may say
  // that it is not.
  const leftUnknown =
    name === 'outbox'
      ? { arrived: sql<'unknown'>`case when claimed_by = '' then arrived else 'unknown' end` }
      : undefined

  return {
    /** Claims due heads of lanes, in order; only rows that this node can open. */
    claim: async (q: {
      of: Boxes[Name][OfBox[Name] & keyof Boxes[Name]]
      keys: string[]
      token: string
      now: string
      until: string
      limit: number
    }): Promise<Row[]> => {
      if (q.keys.length === 0) return []
      const rows = await tables
        .with('due', (on) => {
          const due = on
            .selectFrom(box)
            .select('position')
            .where((name === 'outbox' ? 'route' : 'service') as 'route', '=', q.of as never)
            .where('state', '=', 'waiting')
            .where('ready', '=', 1)
            .where(whereOver('due_at', { now: q.now, longestMs: LONGEST_WAIT_MS }))
            .where(whereOver('claimed_until', { now: q.now, longestMs: LONGEST_CLAIM_MS }))
            .where('key_id', 'in', q.keys)
            .orderBy('position')
            .limit(q.limit)
          return isPostgresql ? due.forUpdate().skipLocked() : due
        })
        .updateTable(box)
        .set((old) => ({
          claimed_by: q.token,
          claimed_until: q.until,
          attempts: old('attempts', '+', 1),
          ...leftUnknown,
        }))
        .where('position', 'in', (row) => row.selectFrom('due').select('due.position'))
        .returningAll()
        .execute()
      return rows.map(rowOf<Row>).sort((a, b) => a.position - b.position)
    },

    /** Claims one row out of turn, to end it; undefined while somebody works on it, or when it has ended. */
    hold: async (
      position: number,
      q: { token: string; now: string; until: string },
    ): Promise<Row | undefined> => {
      const row = await tables
        .updateTable(box)
        .set({ claimed_by: q.token, claimed_until: q.until, ...leftUnknown })
        .where('position', '=', position)
        .where('state', 'in', ['waiting', 'dead'])
        .where(whereOver('claimed_until', { now: q.now, longestMs: LONGEST_CLAIM_MS }))
        .returningAll()
        .executeTakeFirst()
      return row === undefined ? undefined : rowOf<Row>(row)
    },
    /** What was held and cannot be ended now: nobody's, but left alone until then. */
    letGo: async (position: number, q: { token: string; until: string }): Promise<void> => {
      await tables
        .updateTable(box)
        .set({ claimed_by: '', claimed_until: q.until })
        .where('position', '=', position)
        .where('claimed_by', '=', q.token)
        .execute()
    },

    /** For as long as the work on them lasts; rows that another claim has are left. */
    renew: async (positions: number[], q: { token: string; until: string }): Promise<void> => {
      if (positions.length === 0) return
      await tables
        .updateTable(box)
        .set({ claimed_until: q.until })
        .where('position', 'in', positions)
        .where('claimed_by', '=', q.token)
        .execute()
    },

    /** Given back after a failure; `uncounted` when it was no attempt. */
    giveBack: async (
      row: Row,
      q: {
        token: string
        dueAt: string
        error: string
        arrived?: OutboxRow['arrived']
        uncounted?: boolean
      },
    ): Promise<void> => {
      await tables
        .updateTable(box)
        .set((old) => ({
          ...{ ...UNCLAIMED, due_at: q.dueAt, error: q.error },
          ...(q.arrived !== undefined && { arrived: q.arrived }),
          ...(q.uncounted === true && { attempts: old('attempts', '-', 1) }),
        }))
        .where('position', '=', row.position)
        .where('claimed_by', '=', q.token)
        .execute()
    },

    /** The last attempt at a row was none of its receiver's. */
    uncount: async (position: number): Promise<void> => {
      await tables
        .updateTable(box)
        .set((old) => ({ attempts: old('attempts', '-', 1) }))
        .where('position', '=', position)
        .where('state', '=', 'waiting')
        .where('attempts', '>', 0)
        .execute()
    },

    /** Keeps what a token has claimed until `until`; false when the claim has ended. */
    extend: async (position: number, q: { token: string; until: string }): Promise<boolean> => {
      const { numUpdatedRows } = await tables
        .updateTable(box)
        .set({ claimed_until: q.until })
        .where('position', '=', position)
        .where('state', '=', 'waiting')
        .where('claimed_by', '=', q.token)
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },

    /** Frees what a process of this name had claimed before it ended. */
    free: async (tokenPrefix: string): Promise<void> => {
      await tables
        .updateTable(box)
        .set({ ...UNCLAIMED, ...leftUnknown })
        .where(sql<string>`substr(claimed_by, 1, ${tokenPrefix.length})`, '=', tokenPrefix)
        .where('state', '=', 'waiting')
        .execute()
    },
  }
}
