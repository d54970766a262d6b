/** The rows of one box, outbox or inbox: added once for each event, given out lane by lane, ended once. */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { type Boxes, boxClaims, type NewRow, rowOf, type Stored } from './claims-store.ts'
import { type InboxBounds, leavePlaces, openPlaces } from './inbox-places-store.ts'
import { AT_ONCE, createLanes, type Ended, isKeyed, UNCLAIMED } from './lanes-store.ts'
import { boxReads } from './reads-store.ts'
import type { DeliveryState, Tables } from './tables.ts'
import { createWriteTogether } from './write-together.ts'

export type BoxStore<Name extends keyof Boxes> = ReturnType<typeof createBoxStore<Name>>
export type StoredOutbox = Stored<Boxes['outbox']>
export type StoredInbox = Stored<Boxes['inbox']>

const STATES: DeliveryState[] = [
  ...(['accepting', 'waiting', 'delivered', 'done', 'consumed', 'dead', 'abandoned', 'unconfirmed'] as const),
]

type Added<Row> = { row: Row; isNew: boolean; isFull: boolean }

/** `bounds` are those of inboxes: without them there are none. */
export function createBoxStore<Name extends keyof Boxes>(
  database: Database,
  name: Name,
  bounds?: InboxBounds,
) {
  type Row = Stored<Boxes[Name]>
  const tables = tablesOf<Tables>(database)
  // Both tables have the columns that are used here.
  const box = name as 'outbox'
  const lanes = createLanes(name)

  const leave = async (transaction: Kysely<Tables>, rows: object[]): Promise<void> => {
    if (name === 'inbox') await leavePlaces(transaction, rows as StoredInbox[])
  }

  const put = async (rows: NewRow<Boxes[Name]>[]): Promise<Added<Row>[]> =>
    inTransaction(tables, async (transaction) => {
      await lanes.lock(transaction, rows)
      const places =
        bounds === undefined
          ? undefined
          : await openPlaces(transaction, rows as NewRow<Boxes['inbox']>[], bounds)
      const results: Added<Row>[] = []
      for (const row of rows) {
        const ready = row.state === 'waiting' ? await lanes.readyIn(transaction, row) : 0
        const inserted = await transaction
          .insertInto(box)
          .values({ ...row, ...UNCLAIMED, ready, end_record: null, exchange_record: null } as never)
          .onConflict((conflict) => conflict.column('event_key').doNothing())
          .returningAll()
          .executeTakeFirst()
        const found =
          inserted ??
          (await transaction
            .selectFrom(box)
            .selectAll()
            .where('event_key', '=', row.event_key)
            .executeTakeFirstOrThrow())
        const isFull = inserted !== undefined && places?.take(row as never) === false
        if (isFull) await transaction.deleteFrom(box).where('position', '=', inserted.position).execute()
        results.push({ row: rowOf<Row>(found), isNew: inserted !== undefined && !isFull, isFull })
      }
      await places?.save()
      return results
    })

  return {
    ...boxClaims(database, name),
    ...boxReads(database, name),

    /** Adds a row, or finds the one that has the event already; one that is new and for which there is no place is not kept. */
    add: createWriteTogether(put),

    /**
     * From `accepting` to `waiting`, with the record that says so. The row is put back when it was taken for that of a crash meanwhile:
     * a process that stood still for minutes has signed that it will deliver.
     */
    confirm: createWriteTogether((rows: { row: Row; record: number; at: string }[]) =>
      inTransaction(tables, async (transaction) => {
        await lanes.lock(
          transaction,
          rows.map(({ row }) => row),
        )
        for (const { row, record, at } of rows) {
          const ready = await lanes.readyIn(transaction, row)
          const confirmed = { state: 'waiting', ready, first_record: record, changed_at: at } as const
          const { numUpdatedRows } = await transaction
            .updateTable(box)
            .set(confirmed)
            .where('position', '=', row.position)
            .where('state', '=', 'accepting')
            .executeTakeFirst()
          if (numUpdatedRows > 0n) continue
          await transaction
            .insertInto(box)
            .values({ ...row, ...confirmed } as never)
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        }
        return rows.map(() => undefined)
      }),
    ),

    /**
     * Ends what a row waited for, and lets the next of its lane go on. False when it is no longer in one of the states `from`, or
     * another node has taken it over.
     */
    end: (row: Row, ended: Ended, q: { from: DeliveryState[]; token?: string }): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await lanes.lock(transaction, [row])
        const isEnded = await lanes.end(transaction, row, ended, q)
        if (isEnded && ended.drops) await leave(transaction, [row])
        return isEnded
      }),
    /** As `end`, with what `beside` writes in the same commit. */
    endWith: (
      row: Row,
      ended: Ended,
      q: { from: DeliveryState[]; beside(transaction: Kysely<Tables>): Promise<void> },
    ): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await lanes.lock(transaction, [row])
        const isEnded = await lanes.end(transaction, row, ended, q)
        if (isEnded && ended.drops) await leave(transaction, [row])
        if (isEnded) await q.beside(transaction)
        return isEnded
      }),

    /** Removes what only this content key opens, which nobody has any more; resolves to the number of rows. */
    dropSealedWith: async (keyId: string): Promise<number> => {
      let dropped = 0
      for (let found = AT_ONCE; found === AT_ONCE; dropped += found)
        found = await inTransaction(tables, async (transaction) => {
          const rows = (
            await transaction
              .selectFrom(box)
              .selectAll()
              .where('state', 'in', STATES)
              .where('key_id', '=', keyId)
              .orderBy('position')
              .limit(AT_ONCE)
              .execute()
          ).map(rowOf<Row>)
          if (rows.length === 0) return 0
          await lanes.lock(transaction, rows)
          await leave(
            transaction,
            rows.filter(({ state }) => state === 'waiting' || state === 'dead'),
          )
          const positions = rows.map(({ position }) => position)
          await transaction.deleteFrom(box).where('position', 'in', positions).execute()
          // What waited behind them, under a key that is here, goes on.
          const heads = new Map(rows.map((row) => [row.lane, row]))
          for (const row of heads.values()) await lanes.markAgain(transaction, row)
          return rows.length
        })
      return dropped
    },

    /** Dead rows wait again, from the first attempt on; resolves to their number. At most 500 without `positions`. */
    revive: (q: { positions?: number[] | undefined; now: string }): Promise<number> =>
      inTransaction(tables, async (transaction) => {
        let dead = transaction.selectFrom(box).selectAll().where('state', '=', 'dead')
        if (q.positions !== undefined) dead = dead.where('position', 'in', q.positions)
        const rows = (await dead.orderBy('position').limit(AT_ONCE).execute()).map(rowOf<Row>)
        await lanes.lock(transaction, rows)
        let revived = 0
        for (const row of rows) {
          const { numUpdatedRows } = await transaction
            .updateTable(box)
            .set({ ...UNCLAIMED, state: 'waiting', ready: isKeyed(row) ? 0 : 1, attempts: 0, error: '' })
            .set({ due_at: '', changed_at: q.now, since: q.now })
            .where('position', '=', row.position)
            .where('state', '=', 'dead')
            .executeTakeFirst()
          revived += Number(numUpdatedRows)
        }
        const heads = new Map(rows.map((row) => [row.lane, row]))
        for (const row of heads.values()) await lanes.markAgain(transaction, row)
        return revived
      }),
  }
}
