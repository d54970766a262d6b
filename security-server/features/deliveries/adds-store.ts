/** Adds rows to a box, many in one commit: each event once, and only as much as its places allow. */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { type Boxes, type NewRow, rowOf, type Stored } from './claims-store.ts'
import { markedAmong } from './erased-requests-store.ts'
import { type InboxBounds, openPlaces } from './inbox-places-store.ts'
import { createLanes, isKeyed, UNCLAIMED } from './lanes-store.ts'
import { type OutboxBounds, openOutboxPlaces } from './outbox-places-store.ts'
import type { Tables } from './tables.ts'

/** `refusal`: why one that is new is not kept. */
type Added<Row> = { row: Row; isNew: boolean; refusal?: Refusal | undefined }
type Refusal = 'full' | 'erased'

export type BoxBounds = InboxBounds & OutboxBounds

export function boxAdds<Name extends keyof Boxes>(database: Database, name: Name, bounds: BoxBounds) {
  type Row = Stored<Boxes[Name]>
  const tables = tablesOf<Tables>(database)
  // Both tables have the columns that are used here.
  const box = name as 'outbox'
  const lanes = createLanes(name)

  /**
   * Takes away again what has no place, or whose exchange is erased by now; resolves to why, by its event.
   */
  const refuse = async (
    transaction: Kysely<Tables>,
    rows: NewRow<Boxes[Name]>[],
    positions: Map<string, number>,
  ): Promise<Map<string, Refusal>> => {
    const refused = new Map<string, { position: number; refusal: Refusal }>()
    // What is here already takes no place once more.
    const fresh = rows.filter(({ event_key: key }) => positions.has(key))
    if (fresh.length === 0) return new Map()
    const places = await (name === 'inbox'
      ? openPlaces(transaction, fresh as NewRow<Boxes['inbox']>[], bounds)
      : openOutboxPlaces(transaction, fresh as NewRow<Boxes['outbox']>[], bounds))
    const erased = await (name === 'inbox'
      ? markedAmong(
          transaction,
          fresh.map((row) => row.first_record),
        )
      : new Set<number>())
    const seen = new Set<string>()
    for (const row of fresh) {
      const position = positions.get(row.event_key)
      if (position === undefined || seen.has(row.event_key)) continue
      seen.add(row.event_key)
      if (row.first_record !== null && erased.has(Number(row.first_record)))
        refused.set(row.event_key, { position, refusal: 'erased' })
      else if (!places.take(row as never)) refused.set(row.event_key, { position, refusal: 'full' })
    }
    if (refused.size > 0)
      await transaction
        .deleteFrom(box)
        .where(
          'position',
          'in',
          [...refused.values()].map(({ position }) => position),
        )
        .execute()
    await places.save()
    return new Map([...refused].map(([key, { refusal }]) => [key, refusal]))
  }

  const byEvents = async (transaction: Kysely<Tables>, keys: string[]): Promise<Row[]> =>
    keys.length === 0
      ? []
      : (await transaction.selectFrom(box).selectAll().where('event_key', 'in', keys).execute()).map(
          rowOf<Row>,
        )

  /** One statement for all. Whoever is the first of its lane is marked when all are there. */
  return (rows: NewRow<Boxes[Name]>[]): Promise<Added<Row>[]> =>
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
      const refused = await refuse(transaction, rows, positions)
      for (const lane of lanes.of(waiting)) await lanes.markFirst(transaction, lane)
      const others = rows.filter((row) => !positions.has(row.event_key)).map((row) => row.event_key)
      const known = new Map((await byEvents(transaction, others)).map((row) => [row.event_key, row]))
      return values.map((row) => {
        const { event_key: key } = row
        const position = positions.get(key)
        // The second one of this very write is a repetition.
        positions.delete(key)
        if (position !== undefined) known.set(key, rowOf<Row>({ ...row, position }))
        const refusal = refused.get(key)
        return { row: known.get(key)!, isNew: position !== undefined && refusal === undefined, refusal }
      })
    })
}
