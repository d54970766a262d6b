/** The rows of one box, outbox or inbox: added once for each event, given out lane by lane, ended once. */
import { sql } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { createWriteTogether } from '#platform/database/write-together.ts'
import { type BoxBounds, boxAdds } from './adds-store.ts'
import { type Boxes, boxClaims, rowOf, type Stored } from './claims-store.ts'
import { type Beside, boxEnds } from './ends-store.ts'
import { laneClaims } from './lane-claims-store.ts'
import { AT_ONCE, createLanes, type Ended, isKeyed, UNCLAIMED, valuesOf } from './lanes-store.ts'
import { leaveOutboxPlaces, type OutboxPlace, placeOf, placesOf, takePlaces } from './outbox-places-store.ts'
import { boxReads } from './reads-store.ts'
import type { DeliveryState, Tables } from './tables.ts'

export type BoxStore<Name extends keyof Boxes> = ReturnType<typeof createBoxStore<Name>>
export type StoredOutbox = Stored<Boxes['outbox']>
export type StoredInbox = Stored<Boxes['inbox']>

const STATES: DeliveryState[] = [
  ...(['accepting', 'waiting', 'delivered', 'done', 'consumed', 'dead', 'abandoned', 'unconfirmed'] as const),
]

export function createBoxStore<Name extends keyof Boxes>(database: Database, name: Name, bounds: BoxBounds) {
  type Row = Stored<Boxes[Name]>
  const tables = tablesOf<Tables>(database)
  // Both tables have the columns that are used here.
  const box = name as 'outbox'
  const lanes = createLanes(name)
  const { leave, endAll } = boxEnds(database, name)
  const endOne = createWriteTogether(endAll)

  return {
    ...boxClaims(database, name),
    ...laneClaims(database, name),
    ...boxReads(database, name),

    /**
     * Adds a row, or finds the one that has the event already; one that is new and for which there is no
     * place is not kept.
     */
    add: createWriteTogether(boxAdds(database, name, bounds)),

    /**
     * From `accepting` to `waiting`, with the record that says so. The row is put back when it was taken for
     * that of a crash meanwhile: a process that stood still for minutes has signed that it will deliver.
     */
    confirm: createWriteTogether((rows: { row: Row; record: number; at: string }[]) =>
      inTransaction(tables, async (transaction) => {
        const all = rows.map(({ row }) => row)
        await lanes.lock(transaction, all)
        const at = rows.at(-1)!.at
        const confirmed = await transaction
          .updateTable(box)
          .from(valuesOf(rows.map(({ row, record }) => [row.position, record, isKeyed(row) ? 0 : 1])))
          .set({
            ...{ state: 'waiting', changed_at: at },
            ...{ first_record: sql`given.column2`, ready: sql`given.column3` },
          })
          .whereRef(`${box}.position`, '=', 'given.column1')
          .where(
            `${box}.position`,
            'in',
            all.map(({ position }) => position),
          )
          .where(`${box}.state`, '=', 'accepting')
          .returning(`${box}.position`)
          .execute()
        const found = new Set(confirmed.map(({ position }) => Number(position)))
        for (const { row, record } of rows) {
          if (found.has(row.position)) continue
          const again = {
            state: 'waiting',
            ready: isKeyed(row) ? 0 : 1,
            first_record: record,
            changed_at: at,
          }
          const back = await transaction
            .insertInto(box)
            .values({ ...row, ...again } as never)
            .onConflict((conflict) => conflict.doNothing())
            .returning('position')
            .execute()
          if (back.length > 0 && name === 'outbox') await takePlaces(transaction, [placeOf(row as never)])
        }
        for (const lane of lanes.of(all)) await lanes.markFirst(transaction, lane)
        return rows.map(() => undefined)
      }),
    ),

    /**
     * Ends what a row waited for, and lets the next of its lane go on. False when it is no longer in one of
     * the states `from`, or another node has taken it over.
     */
    end: (row: Row, ended: Ended, q: { from: DeliveryState[]; token?: string }): Promise<boolean> =>
      endOne({ row, ended, ...q }),
    /** As `end`, with what `beside` writes in the same commit. */
    endWith: (row: Row, ended: Ended, q: { from: DeliveryState[]; beside: Beside<Row> }): Promise<boolean> =>
      endOne({ row, ended, ...q }),

    /**
     * Removes those of these rows that are still in the state in which they were seen: another node may have
     * gone on with one, or removed it.
     */
    remove: (state: DeliveryState, positions: number[]): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        if (positions.length === 0) return
        const held =
          name === 'outbox' ? await placesOf(transaction, positions) : new Map<number, OutboxPlace>()
        const gone = await transaction
          .deleteFrom(box)
          .where('position', 'in', positions)
          .where('state', '=', state)
          .returning('position')
          .execute()
        await leaveOutboxPlaces(
          transaction,
          gone.flatMap(({ position }) => held.get(Number(position)) ?? []),
        )
      }),

    /**
     * Removes what only this content key opens, which nobody has any more; resolves to the number of rows.
     */
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
          await leave(transaction, rows)
          const positions = rows.map(({ position }) => position)
          await transaction.deleteFrom(box).where('position', 'in', positions).execute()
          // What waited behind them, under a key that is here, goes on.
          const heads = new Map(rows.map((row) => [row.lane, row]))
          for (const row of heads.values()) await lanes.markAgain(transaction, row)
          return rows.length
        })
      return dropped
    },

    /** Rows of these that are dead wait again, from the first attempt on; resolves to their number. */
    revive: (q: { positions: number[]; now: string }): Promise<number> =>
      inTransaction(tables, async (transaction) => {
        if (q.positions.length === 0) return 0
        const dead = transaction
          .selectFrom(box)
          .selectAll()
          .where('state', '=', 'dead')
          .where('position', 'in', q.positions)
        const rows = (await dead.orderBy('position').execute()).map(rowOf<Row>)
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
