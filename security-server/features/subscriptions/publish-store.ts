/**
 * Adds published events, many in one commit: each once in its room, each with the next sequence of its type.
 * What one is refused for is no other's concern.
 */
import type { Kysely, Selectable } from 'kysely'
import { isUniqueViolation } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { EventRow, Tables } from './tables.ts'
import { lockType, spaceOf } from './type-store.ts'

export type StoredEvent = Selectable<EventRow>
/** `sealed` makes the content once the sequence is known, and says under which key. */
export type NewEvent = {
  room: string
  row: Omit<EventRow, 'sequence' | 'content' | 'key_id'>
  sealed: (sequence: number) => { key_id: string; content: Buffer }
}
/**
 * Which of these requests to a room are being erased by order, or were a short time ago; none is from then on
 * until the commit.
 */
export type ErasedAmong = (
  transaction: Kysely<unknown>,
  q: { service: string; records: (number | null)[] },
) => Promise<Set<number>>
type Bounds = { typeBytes: number }
type Added = { event: StoredEvent; isNew: boolean }
type Type = { last: number; octets: number; closed: number; name: string; isChanged: boolean }

const FULL_SECONDS = 60
/** What one statement carries; a larger event goes alone. */
const MAX_OCTETS = 4 * 1024 * 1024

/**
 * Resolves to the row of each, in order, or to what it is refused for: `not_found`, `event_type_closed`,
 * `event_type_full`, `event_id_reused`, `delivery_discarded`.
 */
export function addEvents(database: Database, bounds: Bounds, erasedAmong: ErasedAmong) {
  const tables = tablesOf<Tables>(database)

  return async function add(all: NewEvent[]): Promise<(Added | Fault)[]> {
    try {
      return await inTransaction(tables, (transaction) => addAll(transaction, all, { bounds, erasedAmong }))
    } catch (cause) {
      // By one of these names as an event of another type, at the same moment, by another node.
      if (!isUniqueViolation(cause)) throw cause
      if (all.length === 1) return [new Fault('event_id_reused')]
      const each: (Added | Fault)[] = []
      for (const one of all) each.push(...(await add([one])))
      return each
    }
  }
}

async function addAll(
  transaction: Kysely<Tables>,
  all: NewEvent[],
  { bounds, erasedAmong }: { bounds: Bounds; erasedAmong: ErasedAmong },
): Promise<(Added | Fault)[]> {
  const ids = [...new Set(all.map(({ row }) => row.type))].sort((a, b) => a - b)
  // In one order, so that no two nodes wait for each other.
  for (const id of ids) await lockType(transaction, id)
  const erased = new Set<number>()
  // Between the record of a request and this row an order to erase finds no event.
  for (const [service, some] of [...Map.groupBy(all, ({ room }) => room)].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    const records = some.map(({ row }) => row.record)
    for (const one of await erasedAmong(transaction as Kysely<unknown>, { service, records })) erased.add(one)
  }
  const keys = all.map(({ row }) => row.event_key)
  const found = await transaction
    .selectFrom('room_event')
    .selectAll()
    .where('event_key', 'in', keys)
    .execute()
  const known = new Map(found.map((row) => [row.event_key, eventOf(row)]))
  const types = await typesOf(transaction, ids)
  const added: StoredEvent[] = []
  const results = all.map(({ row, sealed }): Added | Fault => {
    const event = known.get(row.event_key)
    if (event !== undefined) return { event, isNew: false }
    if (row.record !== null && erased.has(row.record)) return new Fault('delivery_discarded')
    const type = types.get(row.type)
    if (type === undefined) return new Fault('not_found', { what: say`this event type` })
    if (type.closed === 1) return new Fault('event_type_closed', { what: type.name })
    const sequence = type.last + 1
    const made = { ...row, sequence, ...sealed(sequence) }
    const octets = type.octets + spaceOf([{ octets: made.content.length }])
    if (octets > bounds.typeBytes)
      return new Fault('event_type_full', { what: type.name, retryAfter: FULL_SECONDS })
    Object.assign(type, { last: sequence, octets, isChanged: true })
    known.set(row.event_key, made)
    added.push(made)
    return { event: made, isNew: true }
  })
  for (const some of statementsOf(added)) await transaction.insertInto('room_event').values(some).execute()
  for (const [id, { last, octets, isChanged }] of types)
    if (isChanged)
      await transaction.updateTable('room_type').set({ last, octets }).where('id', '=', id).execute()
  return results
}

async function typesOf(transaction: Kysely<Tables>, ids: number[]): Promise<Map<number, Type>> {
  const rows = await transaction
    .selectFrom('room_type')
    .select(['id', 'last', 'closed', 'name', 'octets'])
    .where('id', 'in', ids)
    .execute()
  const numbers = rows.map(({ id, last, octets, closed, name }): [number, Type] => [
    Number(id),
    {
      ...{ last: Number(last), octets: Number(octets), closed: Number(closed) },
      ...{ name, isChanged: false },
    },
  ])
  return new Map(numbers)
}

function statementsOf(events: StoredEvent[]): StoredEvent[][] {
  const statements: StoredEvent[][] = []
  let octets = 0
  for (const event of events) {
    octets += event.content?.length ?? 0
    const last = statements.at(-1)
    if (last === undefined || octets > MAX_OCTETS) {
      statements.push([event])
      octets = event.content?.length ?? 0
    } else last.push(event)
  }
  return statements
}

/** One of the stores gives numbers as texts. */
export function eventOf(row: StoredEvent): StoredEvent {
  const record = row.record === null ? null : Number(row.record)
  return { ...row, type: Number(row.type), sequence: Number(row.sequence), record }
}
