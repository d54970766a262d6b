/**
 * How much waits in our outbox, by way: counted in the transactions that add and end messages, so that no
 * look reads what waits. Guarantees that the systems of one subsystem leave no more than its bound, and that
 * no receiver has more of it than is free for all: one that takes nothing stops messages to itself alone.
 * What is accepted, waits or is a dead letter has its content and a place.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Places } from './inbox-places-store.ts'
import type { OutboxRow, Tables } from './tables.ts'

export type OutboxBounds = { outboxEvents: number; outboxBytes: number }
type Placed = Pick<OutboxRow, 'route' | 'content'>
export type OutboxPlace = { route: number; bytes: number }
type Use = { events: number; bytes: number }
/** `most`: of one receiver, by either count. */
type ClientUse = Use & { client: string; most: Use }
/** What waits for one receiver of a subsystem. */
type WayUse = Use & { service: string; secrecy: number }

/** The places of these rows, as they are now: no other row of these subsystems takes any until the commit. */
export async function openOutboxPlaces(
  transaction: Kysely<Tables>,
  rows: Placed[],
  bounds: OutboxBounds,
): Promise<Places<Placed>> {
  const routes = [...new Set(rows.map(({ route }) => route))]
  const found = await transaction
    .selectFrom('delivery_route')
    .select(['id', 'client'])
    .where('id', 'in', routes)
    .execute()
  const clientOf = new Map(found.map(({ id, client }) => [Number(id), client]))
  const [uses, ways] = [new Map<string, Use>(), new Map<number, Use>()]
  // In one order, so that two transactions never wait for each other.
  for (const client of [...new Set(clientOf.values())].sort()) {
    await lockFor(transaction, `outbox places ${client}`)
    const all = await transaction
      .selectFrom('outbox_use')
      .innerJoin('delivery_route', 'delivery_route.id', 'outbox_use.route')
      .select(({ fn }) => [fn.sum('events').as('events'), fn.sum('bytes').as('bytes')])
      .where('client', '=', client)
      .executeTakeFirst()
    uses.set(client, { events: Number(all?.events ?? 0), bytes: Number(all?.bytes ?? 0) })
  }
  const before = await transaction
    .selectFrom('outbox_use')
    .select(['route', 'events', 'bytes'])
    .where('route', 'in', routes)
    .execute()
  for (const { route, events, bytes } of before)
    ways.set(Number(route), { events: Number(events), bytes: Number(bytes) })
  const taken: OutboxPlace[] = []
  return {
    take({ route, content }) {
      const place = placeOf({ route, content })
      const { bytes } = place
      const use = uses.get(clientOf.get(place.route)!)!
      const way = ways.get(place.route) ?? { events: 0, bytes: 0 }
      ways.set(place.route, way)
      if (!fits({ use, way, bytes }, bounds)) return false
      for (const one of [use, way]) {
        one.events += 1
        one.bytes += bytes
      }
      taken.push(place)
      return true
    },
    save: () => takePlaces(transaction, taken),
  }
}

/** The first message to a receiver is taken wherever there is room, however large it is. */
function fits({ use, way, bytes }: { use: Use; way: Use; bytes: number }, bounds: OutboxBounds): boolean {
  const free = freeOf(use, bounds)
  if (free.events < 1 || free.bytes < bytes) return false
  return way.events === 0 || (way.events < free.events && way.bytes + bytes <= free.bytes)
}

function freeOf({ events, bytes }: Use, { outboxEvents, outboxBytes }: OutboxBounds): Use {
  return { events: outboxEvents - events, bytes: outboxBytes - bytes }
}

/** Of a row with its content. */
export function placeOf({ route, content }: Placed): OutboxPlace {
  return { route: Number(route), bytes: content?.length ?? 0 }
}

/** Whether there is room or not. */
export async function takePlaces(transaction: Kysely<Tables>, taken: OutboxPlace[]): Promise<void> {
  for (const { route, events, bytes } of byRoute(taken))
    await transaction
      .insertInto('outbox_use')
      .values({ route, events, bytes })
      .onConflict((conflict) =>
        conflict.column('route').doUpdateSet(({ eb }) => ({
          events: eb('outbox_use.events', '+', events),
          bytes: eb('outbox_use.bytes', '+', bytes),
        })),
      )
      .execute()
}

/** Those of these rows that have a place; read before their content goes, in the same transaction. */
export async function placesOf(
  transaction: Kysely<Tables>,
  positions: number[],
): Promise<Map<number, OutboxPlace>> {
  if (positions.length === 0) return new Map()
  const rows = await transaction
    .selectFrom('outbox')
    .select(({ fn }) => ['position', 'route', fn<number>('length', ['content']).as('bytes')])
    .where('position', 'in', positions)
    .where('content', 'is not', null)
    .execute()
  return new Map(
    rows.map(({ position, route, bytes }) => [
      Number(position),
      { route: Number(route), bytes: Number(bytes) },
    ]),
  )
}

export async function leaveOutboxPlaces(transaction: Kysely<Tables>, left: OutboxPlace[]): Promise<void> {
  for (const { route, events, bytes } of byRoute(left))
    await transaction
      .updateTable('outbox_use')
      .set(({ eb }) => ({ events: eb('events', '-', events), bytes: eb('bytes', '-', bytes) }))
      .where('route', '=', route)
      .execute()
}

/** By subsystem, for who watches. */
export async function outboxUse(database: Database): Promise<ClientUse[]> {
  const rows = await tablesOf<Tables>(database)
    .selectFrom('outbox_use')
    .innerJoin('delivery_route', 'delivery_route.id', 'outbox_use.route')
    .select(({ fn }) => [
      ...(['client', fn.sum('events').as('events'), fn.sum('bytes').as('bytes')] as const),
      ...[fn.max('events').as('mostEvents'), fn.max('bytes').as('mostBytes')],
    ])
    .groupBy('client')
    .orderBy('client')
    .execute()
  return rows.map(({ client, events, bytes, mostEvents, mostBytes }) => ({
    ...{ client, events: Number(events), bytes: Number(bytes) },
    most: { events: Number(mostEvents), bytes: Number(mostBytes) },
  }))
}

/** What waits for receivers, for who is refused or watches. */
export function outboxWays(database: Database) {
  const ways = (client: string) =>
    tablesOf<Tables>(database)
      .selectFrom('outbox_use')
      .innerJoin('delivery_route', 'delivery_route.id', 'outbox_use.route')
      .select(['service', 'secrecy', 'events', 'bytes'])
      .where('client', '=', client)
  const asUse = (row: WayUse): WayUse => ({
    ...{ service: row.service, secrecy: Number(row.secrecy) },
    ...{ events: Number(row.events), bytes: Number(row.bytes) },
  })
  return {
    /** What waits for this receiver; undefined when it is not the cause, as there is no place for any. */
    heldAgainst: async (
      q: { client: string; service: string; bytes: number },
      bounds: OutboxBounds,
    ): Promise<Use | undefined> => {
      const all = (await outboxUse(database)).find(({ client }) => client === q.client)
      const row = await ways(q.client).where('service', '=', q.service).executeTakeFirst()
      if (all === undefined || row === undefined) return undefined
      const free = freeOf(all, bounds)
      return free.events < 1 || free.bytes < q.bytes ? undefined : asUse(row)
    },
    /** The receiver for which most waits; undefined when nothing does. */
    fullestOf: async (client: string, bounds: OutboxBounds): Promise<WayUse | undefined> => {
      const [byEvents, byBytes] = [
        await ways(client).orderBy('events', 'desc').executeTakeFirst(),
        await ways(client).orderBy('bytes', 'desc').executeTakeFirst(),
      ]
      return [byEvents, byBytes]
        .flatMap((row) => (row === undefined ? [] : [asUse(row)]))
        .toSorted((a, b) => shareOf(b, bounds) - shareOf(a, bounds))[0]
    },
  }
}

/** How much of its bound a subsystem uses; 1 when nothing more is taken. */
export function shareOf({ events, bytes }: Use, { outboxEvents, outboxBytes }: OutboxBounds): number {
  return Math.max(events / outboxEvents, bytes / outboxBytes)
}

/** How much its fullest receiver has of what one may have; 1 when nothing more to that one is taken. */
export function wayShareOf({ most, ...use }: ClientUse, bounds: OutboxBounds): number {
  const free = freeOf(use, bounds)
  const share = (own: number, left: number): number => (own === 0 ? 0 : own / ((own + Math.max(left, 0)) / 2))
  return Math.min(1, Math.max(share(most.events, free.events), share(most.bytes, free.bytes)))
}

/** In one order, so that two transactions never wait for each other. */
function byRoute(held: OutboxPlace[]): (Use & { route: number })[] {
  const sums = new Map<number, Use>()
  for (const { route, bytes } of held) {
    const so = sums.get(route) ?? { events: 0, bytes: 0 }
    sums.set(route, { events: so.events + 1, bytes: so.bytes + bytes })
  }
  return [...sums].map(([route, use]) => ({ route, ...use })).sort((a, b) => a.route - b.route)
}
