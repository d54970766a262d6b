/**
 * The rows of event types. A type has its own sequence, under a lock that publishing and subscribing share.
 */
import { type Kysely, type Selectable, sql } from 'kysely'
import { isUniqueViolation, lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type DeclaredSource, declareSources } from './source-store.ts'
import type { Tables, TypeRow } from './tables.ts'

export type StoredType = Selectable<TypeRow>
export type TypeStore = ReturnType<typeof createTypeStore>

const MOST_TYPES = 1_000
const REMOVED_AT_ONCE = 500
/** A row takes space also without its content. */
const EVENT_BYTES = 256
const WITHOUT_SCHEMA = [
  ...([
    'id',
    'room',
    'name',
    'digest',
    'keep_days',
    'last',
    'spread',
    'closed',
    'octets',
    'created_at',
  ] as const),
]

/** Whoever takes a sequence, or makes a subscription begin at one, holds it. */
export function lockType(transaction: Kysely<Tables>, id: number): Promise<void> {
  return lockFor(transaction, `room type ${id}`)
}

export function createTypeStore(database: Database) {
  const tables = tablesOf<Tables>(database)

  return {
    /**
     * Throws `conflict` for a name that the room has, for a source of another publisher, and for more than
     * 1,000 types.
     */
    add: (row: Omit<TypeRow, 'id'>, sources: DeclaredSource[]): Promise<StoredType> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, `types of room ${row.room}`)
        const { types } = await transaction
          .selectFrom('room_type')
          .select(({ fn }) => fn.countAll<number>().as('types'))
          .where('room', '=', row.room)
          .executeTakeFirstOrThrow()
        if (Number(types) >= MOST_TYPES)
          throw new Fault('conflict', { what: say`a room has at most ${MOST_TYPES} event types` })
        const type = typeOf(
          await transaction.insertInto('room_type').values(row).returningAll().executeTakeFirstOrThrow(),
        )
        await declareSources(transaction, { room: row.room, type: type.id }, sources)
        return type
      }).catch((cause: unknown) => {
        if (isUniqueViolation(cause)) throw new Fault('conflict', { what: say`${row.name} exists already` })
        throw cause
      }),

    byId: async (id: number): Promise<StoredType | undefined> =>
      some(await tables.selectFrom('room_type').selectAll().where('id', '=', id).executeTakeFirst()),
    byName: async (room: string, name: string): Promise<StoredType | undefined> =>
      some(
        await tables
          .selectFrom('room_type')
          .selectAll()
          .where('room', '=', room)
          .where('name', '=', name)
          .executeTakeFirst(),
      ),
    /** Without their schemas, all of which could be many megabytes. */
    ofRoom: async (room: string): Promise<Omit<StoredType, 'schema'>[]> =>
      (
        await tables
          .selectFrom('room_type')
          .select(WITHOUT_SCHEMA)
          .where('room', '=', room)
          .orderBy('name')
          .limit(MOST_TYPES)
          .execute()
      ).map(typeOf),

    /** For people: by id, after one, without schemas. `search` is a part of the name. */
    list: async (q: {
      room?: string | undefined
      search?: string | undefined
      after?: number | undefined
      limit: number
    }): Promise<Omit<StoredType, 'schema'>[]> => {
      let query = tables.selectFrom('room_type').select(WITHOUT_SCHEMA)
      if (q.room !== undefined) query = query.where('room', '=', q.room)
      if (q.search !== undefined) query = query.where(containing('name', q.search))
      if (q.after !== undefined) query = query.where('id', '>', q.after)
      return (await query.orderBy('id').limit(q.limit).execute()).map(typeOf)
    },
    /** How many types each of these rooms has. */
    counts: async (rooms: string[]): Promise<Map<string, number>> => {
      if (rooms.length === 0) return new Map()
      const rows = await tables
        .selectFrom('room_type')
        .select(['room', ({ fn }) => fn.countAll<number>().as('types')])
        .where('room', 'in', rooms)
        .groupBy('room')
        .execute()
      return new Map(rows.map(({ room, types }) => [room, Number(types)]))
    },

    change: async (id: number, change: { keep_days?: number; closed?: number }): Promise<void> => {
      if (Object.keys(change).length > 0)
        await tables.updateTable('room_type').set(change).where('id', '=', id).execute()
    },
    /**
     * Removes a closed type with its events. False when it takes events, or somebody subscribes to it: from
     * then on no event goes that the subscription could need.
     */
    remove: async (id: number): Promise<boolean> => {
      for (let removed = REMOVED_AT_ONCE; removed === REMOVED_AT_ONCE; ) {
        const some = await inTransaction(tables, async (transaction) =>
          (await isFree(transaction, id)) ? removeEvents(transaction, id) : undefined,
        )
        if (some === undefined) return false
        removed = some
      }
      return inTransaction(tables, async (transaction) => {
        if (!(await isFree(transaction, id))) return false
        await transaction.deleteFrom('room_subscription').where('type', '=', id).execute()
        await transaction.deleteFrom('room_source').where('type', '=', id).execute()
        await transaction.deleteFrom('room_type').where('id', '=', id).execute()
        return true
      })
    },

    /** Whether the first event of any type is expired. */
    isAnyExpired: async (now: string): Promise<boolean> => {
      const row = await tables
        .selectFrom('room_type')
        .select('id')
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('room_event')
              .select('room_event.sequence')
              .whereRef('room_event.type', '=', 'room_type.id')
              .where('expires_at', '<=', now)
              .where('room_event.sequence', '=', (is) =>
                is
                  .selectFrom('room_event as one')
                  .select(({ fn }) => fn.min('one.sequence').as('first'))
                  .whereRef('one.type', '=', 'room_type.id'),
              ),
          ),
        )
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },

    /** Types with events that some subscription may not have been given. */
    unspread: async (): Promise<Omit<StoredType, 'schema'>[]> =>
      (
        await tables
          .selectFrom('room_type')
          .select(WITHOUT_SCHEMA)
          .whereRef('last', '>', 'spread')
          .orderBy('id')
          .execute()
      ).map(typeOf),
    /**
     * Nothing up to `last` is to be given out any more, unless an active subscription still stands before it.
     */
    markSpread: ({ id, last }: Pick<StoredType, 'id' | 'last'>): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockType(transaction, id)
        const behind = await transaction
          .selectFrom('room_subscription')
          .select('id')
          .where('type', '=', id)
          .where('state', '=', 'active')
          .where('inbox', '<>', '')
          .where('cursor', '<', last)
          .limit(1)
          .executeTakeFirst()
        if (behind === undefined)
          await transaction
            .updateTable('room_type')
            .set({ spread: last })
            .where('id', '=', id)
            .where('spread', '<', last)
            .execute()
      }),
  }

  async function isFree(transaction: Kysely<Tables>, id: number): Promise<boolean> {
    await lockType(transaction, id)
    const type = await transaction
      .selectFrom('room_type')
      .select('closed')
      .where('id', '=', id)
      .executeTakeFirst()
    const subscription = await transaction
      .selectFrom('room_subscription')
      .select('id')
      .where('type', '=', id)
      .where('state', '<>', 'ended')
      .limit(1)
      .executeTakeFirst()
    return subscription === undefined && Number(type?.closed ?? 1) === 1
  }
}

/** How large the content of an event is; null once it was taken back. */
export const SIZE = sql<number | null>`length(content)`.as('octets')

/** What these events take of their type. */
export function spaceOf(events: { octets: number | string | null }[]): number {
  return events.reduce((sum, { octets }) => sum + EVENT_BYTES + Number(octets ?? 0), 0)
}

/** Gives space back that events no longer take; under the lock of the type. */
export async function freeSpace(transaction: Kysely<Tables>, type: number, octets: number): Promise<void> {
  await transaction
    .updateTable('room_type')
    .set((is) => ({ octets: is('octets', '-', octets) }))
    .where('id', '=', type)
    .execute()
}

async function removeEvents(transaction: Kysely<Tables>, type: number): Promise<number> {
  const rows = await transaction
    .selectFrom('room_event')
    .select(['sequence', SIZE])
    .where('type', '=', type)
    // What stays has no gap.
    .orderBy('sequence')
    .limit(REMOVED_AT_ONCE)
    .execute()
  if (rows.length === 0) return 0
  const sequences = rows.map(({ sequence }) => Number(sequence))
  await transaction
    .deleteFrom('room_event')
    .where('type', '=', type)
    .where('sequence', 'in', sequences)
    .execute()
  await freeSpace(transaction, type, spaceOf(rows))
  return rows.length
}

/** A condition: the column has this text anywhere in it, in any case. */
export function containing(column: string, text: string) {
  const pattern = `%${text.toLowerCase().replace(/[!%_]/g, '!$&')}%`
  return sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape '!'`
}

function some(row: StoredType | undefined): StoredType | undefined {
  return row === undefined ? undefined : typeOf(row)
}

/** One of the stores gives numbers as texts. */
function typeOf<One extends Omit<StoredType, 'schema'>>(row: One): One {
  return {
    ...{ ...row, id: Number(row.id), keep_days: Number(row.keep_days), closed: Number(row.closed) },
    ...{ last: Number(row.last), spread: Number(row.spread), octets: Number(row.octets) },
  }
}
