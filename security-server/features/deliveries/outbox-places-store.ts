/**
 * How much waits in our outbox, by way: counted in the transactions that add and end messages, so that no look reads what waits. Guarantees
 * that the systems of one subsystem leave no more than its bound. What is accepted, waits or is a dead letter has its content and a place.
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

/** The places of these rows, as they are now: no other row of these subsystems takes any until the commit. */
export async function openOutboxPlaces(
  transaction: Kysely<Tables>,
  rows: Placed[],
  bounds: OutboxBounds,
): Promise<Places<Placed>> {
  const ways = await transaction
    .selectFrom('delivery_route')
    .select(['id', 'client'])
    .where('id', 'in', [...new Set(rows.map(({ route }) => route))])
    .execute()
  const clientOf = new Map(ways.map(({ id, client }) => [Number(id), client]))
  const uses = new Map<string, Use>()
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
  const taken: OutboxPlace[] = []
  return {
    take({ route, content }) {
      const place = placeOf({ route, content })
      const { bytes } = place
      const use = uses.get(clientOf.get(Number(route))!)!
      if (use.events >= bounds.outboxEvents || use.bytes + bytes > bounds.outboxBytes) return false
      use.events += 1
      use.bytes += bytes
      taken.push(place)
      return true
    },
    save: () => takePlaces(transaction, taken),
  }
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
export async function outboxUse(database: Database): Promise<(Use & { client: string })[]> {
  const rows = await tablesOf<Tables>(database)
    .selectFrom('outbox_use')
    .innerJoin('delivery_route', 'delivery_route.id', 'outbox_use.route')
    .select(({ fn }) => ['client', fn.sum('events').as('events'), fn.sum('bytes').as('bytes')])
    .groupBy('client')
    .orderBy('client')
    .execute()
  return rows.map(({ client, events, bytes }) => ({ client, events: Number(events), bytes: Number(bytes) }))
}

/** How much of its bound a subsystem uses; 1 when nothing more is taken. */
export function shareOf({ events, bytes }: Use, { outboxEvents, outboxBytes }: OutboxBounds): number {
  return Math.max(events / outboxEvents, bytes / outboxBytes)
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
