/** The rows of one box, outbox or inbox: added once for each event, given out lane by lane, ended once. */
import { type Kysely, sql } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { type Boxes, boxClaims, type NewRow, rowOf, type Stored } from './claims-store.ts'
import { type InboxBounds, leavePlaces, openPlaces } from './inbox-places-store.ts'
import { AT_ONCE, createLanes, type Ended, isKeyed, UNCLAIMED, valuesOf } from './lanes-store.ts'
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

type Ending<Row> = {
  row: Row
  ended: Ended
  from: DeliveryState[]
  token?: string
  beside?: Beside<Row>
}
/** Written once for all that end in one commit and name the same. */
export type Beside<Row> = {
  name: string
  write(transaction: Kysely<Tables>, endings: Pick<Ending<Row>, 'row' | 'ended'>[]): Promise<void>
}

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

  /** Takes away again what has no place; resolves to its events. */
  const refuse = async (
    transaction: Kysely<Tables>,
    rows: NewRow<Boxes[Name]>[],
    positions: Map<string, number>,
  ): Promise<Set<string>> => {
    const full = new Map<string, number>()
    if (bounds === undefined) return new Set()
    const places = await openPlaces(transaction, rows as NewRow<Boxes['inbox']>[], bounds)
    const seen = new Set<string>()
    for (const row of rows) {
      const position = positions.get(row.event_key)
      if (position === undefined || seen.has(row.event_key)) continue
      seen.add(row.event_key)
      if (!places.take(row as never)) full.set(row.event_key, position)
    }
    if (full.size > 0)
      await transaction
        .deleteFrom(box)
        .where('position', 'in', [...full.values()])
        .execute()
    await places.save()
    return new Set(full.keys())
  }

  /** One statement for all. Whoever is the first of its lane is marked when all are there. */
  const put = (rows: NewRow<Boxes[Name]>[]): Promise<Added<Row>[]> =>
    inTransaction(tables, async (transaction) => {
      const waiting = rows.filter(({ state }) => state === 'waiting')
      await lanes.lock(transaction, waiting)
      const values = rows.map((row) => ({
        ...{ ...row, ...UNCLAIMED, end_record: null, exchange_record: null },
        ready: row.state === 'waiting' && !isKeyed(row) ? 1 : 0,
      }))
      const inserted = await transaction
        .insertInto(box)
        .values(values as never)
        .onConflict((conflict) => conflict.column('event_key').doNothing())
        .returning(['event_key', 'position'])
        .execute()
      const positions = new Map(inserted.map((row) => [row.event_key, Number(row.position)]))
      const full = await refuse(transaction, rows, positions)
      for (const lane of lanes.of(waiting)) await lanes.markFirst(transaction, lane)
      const others = rows.filter((row) => !positions.has(row.event_key)).map((row) => row.event_key)
      const known = new Map((await byEvents(transaction, others)).map((row) => [row.event_key, row]))
      return values.map((row) => {
        const { event_key: key } = row
        const position = positions.get(key)
        // The second one of this very write is a repetition.
        positions.delete(key)
        if (position !== undefined) known.set(key, rowOf<Row>({ ...row, position }))
        const isFull = full.has(key)
        return { row: known.get(key)!, isNew: position !== undefined && !isFull, isFull }
      })
    })
  const byEvents = async (transaction: Kysely<Tables>, keys: string[]): Promise<Row[]> =>
    keys.length === 0
      ? []
      : (await transaction.selectFrom(box).selectAll().where('event_key', 'in', keys).execute()).map(
          rowOf<Row>,
        )

  const endAll = (endings: Ending<Row>[]): Promise<boolean[]> =>
    inTransaction(tables, async (transaction) => {
      await lanes.lock(
        transaction,
        endings.map(({ row }) => row),
      )
      const ended = new Set<Ending<Row>>()
      for (const alike of groups(endings, wayOf)) {
        const { ended: way, from, token } = alike.at(-1)!
        // One who ends it twice at once has ended it once.
        const rows = new Map(
          alike.map(({ row, ended: { exchangeRecord, endRecord } }) => [
            row.position,
            { ...row, exchangeRecord, endRecord },
          ]),
        )
        const positions = await lanes.end(transaction, [...rows.values()], way, { from, token })
        const done = alike.filter((one) => positions.delete(one.row.position))
        for (const one of done) ended.add(one)
        if (way.drops)
          await leave(
            transaction,
            done.map(({ row }) => row),
          )
      }
      const more = endings.filter((one) => one.beside !== undefined && ended.has(one))
      // In one order, so that two transactions never wait for each other.
      const sets = groups(more, ({ beside }) => beside!.name)
      sets.sort(([a], [b]) => (a!.beside!.name < b!.beside!.name ? -1 : 1))
      for (const set of sets) await set[0]!.beside!.write(transaction, set)
      return endings.map((one) => ended.has(one))
    })
  const endOne = createWriteTogether(endAll)

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
          await transaction
            .insertInto(box)
            .values({ ...row, ...again } as never)
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        }
        for (const lane of lanes.of(all)) await lanes.markFirst(transaction, lane)
        return rows.map(() => undefined)
      }),
    ),

    /**
     * Ends what a row waited for, and lets the next of its lane go on. False when it is no longer in one of the states `from`, or
     * another node has taken it over.
     */
    end: (row: Row, ended: Ended, q: { from: DeliveryState[]; token?: string }): Promise<boolean> =>
      endOne({ row, ended, ...q }),
    /** As `end`, with what `beside` writes in the same commit. */
    endWith: (row: Row, ended: Ended, q: { from: DeliveryState[]; beside: Beside<Row> }): Promise<boolean> =>
      endOne({ row, ended, ...q }),

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

/** What rows have in common that one statement ends. */
function wayOf({ ended, from, token }: Ending<unknown>): string {
  const { state, error, arrived, drops } = ended
  return JSON.stringify([state, error, arrived, drops, from, token])
}

function groups<T>(items: T[], keyOf: (item: T) => string): T[][] {
  return [...Map.groupBy(items, keyOf).values()]
}
