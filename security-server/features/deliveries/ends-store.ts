/** Ends what rows of a box waited for, many in one commit, and lets the next of their lanes go on. */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Boxes, Stored } from './claims-store.ts'
import { type InboxPlaced, leavePlaces } from './inbox-places-store.ts'
import { createLanes, type Ended } from './lanes-store.ts'
import { leaveOutboxPlaces, type OutboxPlace, placesOf } from './outbox-places-store.ts'
import type { DeliveryState, Tables } from './tables.ts'

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

export function boxEnds<Name extends keyof Boxes>(database: Database, name: Name) {
  type Row = Stored<Boxes[Name]>
  const tables = tablesOf<Tables>(database)
  const lanes = createLanes(name)

  /** The places of what nobody waits for any more, and is about to be removed. */
  const leave = async (transaction: Kysely<Tables>, rows: Row[]): Promise<void> => {
    if (name === 'outbox') {
      const positions = rows.map(({ position }) => position)
      return leaveOutboxPlaces(transaction, [...(await placesOf(transaction, positions)).values()])
    }
    const waiting = rows.filter(({ state }) => state === 'waiting' || state === 'dead')
    await leavePlaces(transaction, waiting as never)
  }

  const endAll = (endings: Ending<Row>[]): Promise<boolean[]> =>
    inTransaction(tables, async (transaction) => {
      await lanes.lock(
        transaction,
        endings.map(({ row }) => row),
      )
      const ended = new Set<Ending<Row>>()
      const left: { outbox: OutboxPlace[]; inbox: InboxPlaced[] } = { outbox: [], inbox: [] }
      for (const alike of groups(endings, wayOf)) {
        const { ended: way, from, token } = alike.at(-1)!
        // One who ends it twice at once has ended it once.
        const rows = new Map(
          alike.map(({ row, ended: { exchangeRecord, endRecord } }) => [
            row.position,
            { ...row, exchangeRecord, endRecord },
          ]),
        )
        const held =
          name === 'outbox' && way.drops
            ? await placesOf(transaction, [...rows.keys()])
            : new Map<number, OutboxPlace>()
        const positions = await lanes.end(transaction, [...rows.values()], way, { from, token })
        const done = alike.filter((one) => positions.delete(one.row.position))
        for (const one of done) ended.add(one)
        left.outbox.push(...done.flatMap(({ row }) => held.get(row.position) ?? []))
        if (way.drops && name === 'inbox') left.inbox.push(...done.map(({ row }) => row as never))
      }
      // All at once, in one order: of two groups each would be in order, and two transactions could still
      // wait for each other.
      await leaveOutboxPlaces(transaction, left.outbox)
      await leavePlaces(transaction, left.inbox)
      const more = endings.filter((one) => one.beside !== undefined && ended.has(one))
      // In one order, so that two transactions never wait for each other.
      const sets = groups(more, ({ beside }) => beside!.name)
      sets.sort(([a], [b]) => (a!.beside!.name < b!.beside!.name ? -1 : 1))
      for (const set of sets) await set[0]!.beside!.write(transaction, set)
      return endings.map((one) => ended.has(one))
    })

  return { leave, endAll }
}

/** What rows have in common that one statement ends. */
function wayOf({ ended, from, token }: Ending<unknown>): string {
  const { state, error, arrived, drops } = ended
  return JSON.stringify([state, error, arrived, drops, from, token])
}

function groups<T>(items: T[], keyOf: (item: T) => string): T[][] {
  return [...Map.groupBy(items, keyOf).values()]
}
