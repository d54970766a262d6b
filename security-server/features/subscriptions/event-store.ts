/** The rows of published events: each once for all subscribers, in the sequence of its type. */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { createWriteTogether } from '#platform/database/write-together.ts'
import { Fault } from '#schemas/fault.ts'
import { addEvents, type ErasedAmong, eventOf, type NewEvent, type StoredEvent } from './publish-store.ts'
import { LIVE } from './subscription-reads-store.ts'
import type { Tables } from './tables.ts'
import { freeSpace, lockType, SIZE, spaceOf } from './type-store.ts'

export type EventStore = ReturnType<typeof createEventStore>

/** How many events are read at once, and how many octets of them are in memory. */
const AT_ONCE = 64
const MAX_OCTETS = 4 * 1024 * 1024
const REMOVED_AT_ONCE = 500

/** `typeBytes`: what the events of one type may take. */
export function createEventStore(
  database: Database,
  bounds: { typeBytes: number },
  erasedAmong: ErasedAmong,
) {
  const tables = tablesOf<Tables>(database)
  const add = createWriteTogether(addEvents(database, bounds, erasedAmong))

  return {
    /**
     * Gives the event the next sequence of its type, or finds the one by its name that the room has; those
     * that come together are one commit. Throws `not_found`, `event_type_closed`, `event_type_full`,
     * `event_id_reused`, `delivery_discarded`.
     */
    publish: async (event: NewEvent): Promise<{ event: StoredEvent; isNew: boolean }> => {
      const added = await add(event)
      if (added instanceof Fault) throw added
      return added
    },

    find: async (type: number, sequence: number): Promise<StoredEvent | undefined> => {
      const row = await tables
        .selectFrom('room_event')
        .selectAll()
        .where('type', '=', type)
        .where('sequence', '=', sequence)
        .executeTakeFirst()
      return row === undefined ? undefined : eventOf(row)
    },
    /** The event that this request published, while it is given out; with its room and type. */
    ofRecord: (record: number): Promise<{ room: string; name: string; sequence: number } | undefined> =>
      tables
        .selectFrom('room_event')
        .innerJoin('room_type', 'room_type.id', 'room_event.type')
        .select(['room', 'name', 'sequence'])
        .where('record', '=', record)
        .where('content', 'is not', null)
        .limit(1)
        .executeTakeFirst(),
    /** The next events, in order: as many as may be in memory, and one however large it is. */
    after: async (type: number, sequence: number): Promise<StoredEvent[]> => {
      const sizes = await tables
        .selectFrom('room_event')
        .select(['sequence', ({ fn }) => fn<number>('length', ['content']).as('octets')])
        .where('type', '=', type)
        .where('sequence', '>', sequence)
        .orderBy('sequence')
        .limit(AT_ONCE)
        .execute()
      let octets = 0
      const fitting = sizes.filter((one, i) => {
        octets += Number(one.octets ?? 0)
        return i === 0 || octets <= MAX_OCTETS
      })
      const last = fitting.at(-1)
      if (last === undefined) return []
      const rows = await tables
        .selectFrom('room_event')
        .selectAll()
        .where('type', '=', type)
        .where('sequence', '>', sequence)
        .where('sequence', '<=', Number(last.sequence))
        .orderBy('sequence')
        .execute()
      return rows.map(eventOf)
    },
    /** How many events each of these types keeps, counted up to `most`. */
    count: async (type: number, most: number): Promise<number> => {
      const { rows } = await tables
        .selectFrom((is) =>
          is.selectFrom('room_event').select('sequence').where('type', '=', type).limit(most).as('some'),
        )
        .select(({ fn }) => fn.countAll<number>().as('rows'))
        .executeTakeFirstOrThrow()
      return Number(rows)
    },
    /** Takes the content of an event away; false when it had none. */
    takeBack: (type: number, sequence: number): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await lockType(transaction, type)
        const event = await transaction
          .selectFrom('room_event')
          .select(({ fn }) => fn<number | null>('length', ['content']).as('octets'))
          .where('type', '=', type)
          .where('sequence', '=', sequence)
          .executeTakeFirst()
        if (event === undefined || event.octets === null) return false
        await transaction
          .updateTable('room_event')
          .set({ content: null })
          .where('type', '=', type)
          .where('sequence', '=', sequence)
          .execute()
        await freeSpace(transaction, type, Number(event.octets))
        return true
      }),

    /**
     * Removes the first events of a type while they are expired, at most 500. Subscriptions that still needed
     * one of them have lapsed in the same commit. Resolves to the number of events that went, and of
     * subscriptions that lapsed.
     */
    expire: (type: number, now: string): Promise<{ removed: number; lapsed: number }> =>
      inTransaction(tables, async (transaction) => {
        await lockType(transaction, type)
        const first = await transaction
          .selectFrom('room_event')
          .select(['sequence', 'expires_at', SIZE])
          .where('type', '=', type)
          .orderBy('sequence')
          .limit(REMOVED_AT_ONCE)
          .execute()
        const kept = first.findIndex(({ expires_at }) => expires_at > now)
        const going = kept === -1 ? first : first.slice(0, kept)
        const last = going.at(-1)
        if (last === undefined) return { removed: 0, lapsed: 0 }
        const sequence = Number(last.sequence)
        const lapsed = await lapse(transaction, { type, sequence, error: 'events_expired', now })
        await transaction
          .deleteFrom('room_event')
          .where('type', '=', type)
          .where('sequence', '<=', sequence)
          .execute()
        await freeSpace(transaction, type, spaceOf(going))
        return { removed: going.length, lapsed }
      }),
    /** How many events only this key opens, counted up to `most`. */
    sealedWith: async (id: string, most: number): Promise<number> => {
      const { rows } = await tables
        .selectFrom((is) =>
          is.selectFrom('room_event').select('sequence').where('key_id', '=', id).limit(most).as('some'),
        )
        .select(({ fn }) => fn.countAll<number>().as('rows'))
        .executeTakeFirstOrThrow()
      return Number(rows)
    },
    /**
     * Removes events whose key is lost; subscriptions that still needed one lapse. Resolves to the number of
     * events.
     */
    dropSealedWith: async (id: string): Promise<number> => {
      let dropped = 0
      for (;;) {
        const one = await tables
          .selectFrom('room_event')
          .select('type')
          .where('key_id', '=', id)
          .limit(1)
          .executeTakeFirst()
        if (one === undefined) return dropped
        dropped += await inTransaction(tables, (transaction) => dropSome(transaction, Number(one.type), id))
      }
    },
    /**
     * Whether events wait that were sealed with another key than these. Steps from key to key in the index,
     * whatever waits under each.
     */
    isSealedOtherwise: async (known: string[]): Promise<boolean> => {
      let next: string | undefined = ''
      do {
        const row = await tables
          .selectFrom('room_event')
          .select('key_id')
          .where('key_id', '>', next)
          .orderBy('key_id')
          .limit(1)
          .executeTakeFirst()
        next = row?.key_id
      } while (next !== undefined && known.includes(next))
      return next !== undefined
    },
  }
}

/**
 * Subscriptions that stand before an event that goes, or have not confirmed it, lapse. Resolves to their
 * number.
 */
async function lapse(
  transaction: Kysely<Tables>,
  q: { type: number; sequence: number; error: string; now?: string },
): Promise<number> {
  const live = transaction
    .updateTable('room_subscription')
    .set({ state: 'lapsed', error: q.error, ...(q.now !== undefined && { changed_at: q.now }) })
    .where('type', '=', q.type)
    .where('state', 'in', LIVE)
  const { numUpdatedRows: behind } = await live.where('cursor', '<', q.sequence).executeTakeFirst()
  const { numUpdatedRows: unconfirmed } = await live
    .where('inbox', '=', '')
    .where('id', 'in', (is) =>
      is.selectFrom('room_pull').select('subscription').where('sequence', '<=', q.sequence),
    )
    .executeTakeFirst()
  return Number(behind + unconfirmed)
}

async function dropSome(transaction: Kysely<Tables>, type: number, keyId: string): Promise<number> {
  await lockType(transaction, type)
  const rows = await transaction
    .selectFrom('room_event')
    .select(['sequence', SIZE])
    .where('type', '=', type)
    .where('key_id', '=', keyId)
    .orderBy('sequence')
    .limit(REMOVED_AT_ONCE)
    .execute()
  const last = rows.at(-1)
  if (last === undefined) return 0
  await lapse(transaction, { type, sequence: Number(last.sequence), error: 'events_lost' })
  await transaction
    .deleteFrom('room_event')
    .where('type', '=', type)
    .where('key_id', '=', keyId)
    .where('sequence', '<=', Number(last.sequence))
    .execute()
  await freeSpace(transaction, type, spaceOf(rows))
  return rows.length
}
