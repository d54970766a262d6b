/**
 * The truth about previews, for all nodes of a server. Guarantees that an answer is kept only while it waits,
 * and that of all that can come of one exactly one does: each change names the state that it ends.
 */
import { sql, type Updateable } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { RecordedCall } from '../consents-of-calls-store.ts'
import type { After } from '../uses-store.ts'
import type { PreviewRow, PreviewRowState, PreviewTables } from './tables.ts'

export type PreviewStore = ReturnType<typeof createPreviewStore>

const DAY_MS = 86_400_000
/**
 * Answers that wait: what they take of the database is bounded, no member takes the room of the others, and
 * none hides from a person what waits or was released behind others of its own.
 */
const MOST = { ofAll: 2000, ofMember: 200, ofMemberAboutPersonADay: 100 }

/**
 * Calls about a person, by their name in the database: all with the number that their record names, or none.
 */
type PreviewedCalls = {
  person: string | undefined
  calls: readonly Pick<RecordedCall, 'requestId' | 'number'>[]
}

type Room = Pick<PreviewRow, 'person' | 'client'> & { now: string }

export function createPreviewStore(database: Database) {
  const tables = tablesOf<PreviewTables>(database)

  const found = async (column: 'number' | 'reference_hash' | 'token_hash', value: string) => {
    const row = await tables.selectFrom('preview').selectAll().where(column, '=', value).executeTakeFirst()
    return row && { ...row, minutes: Number(row.minutes) }
  }
  const hasRoom = async (within: typeof tables, q: Room): Promise<boolean> => {
    const member = q.client.split('/').slice(0, 3).join('/') + '/'
    const ofMember = sql<boolean>`substr(client, 1, ${[...member].length}) = ${member}`
    const { all, own } = await within
      .selectFrom('preview')
      .select(({ fn }) => [
        fn.countAll<number>().as('all'),
        fn.countAll<number>().filterWhere(ofMember).as('own'),
      ])
      .where('state', '=', 'WAITING')
      .where('valid_until', '>', q.now)
      .executeTakeFirstOrThrow()
    const { asked } = await within
      .selectFrom('preview')
      .select(({ fn }) => fn.countAll<number>().as('asked'))
      .where('person', '=', q.person)
      .where('asked_at', '>', new Date(Date.parse(q.now) - DAY_MS).toISOString())
      .where(ofMember)
      .executeTakeFirstOrThrow()
    return (
      Number(all) < MOST.ofAll && Number(own) < MOST.ofMember && Number(asked) < MOST.ofMemberAboutPersonADay
    )
  }

  return {
    byNumber: (number: string) => found('number', number),
    byReference: (hash: string) => found('reference_hash', hash),
    byToken: (hash: string) => found('token_hash', hash),
    hasRoom: (q: Room) => hasRoom(tables, q),
    /**
     * Takes the place of what the same call had brought before, of which nothing is given any more. False
     * when as many wait as may.
     */
    add: (row: PreviewRow): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'previews')
        if (!(await hasRoom(transaction, { ...row, now: row.asked_at }))) return false
        await transaction
          .updateTable('preview')
          .set({ state: 'VOID', content: null })
          .where('person', '=', row.person)
          .where('client', '=', row.client)
          .where('service', '=', row.service)
          .where('call', '=', row.call)
          .where((is) =>
            is.or([
              is('state', 'in', ['WAITING', 'RELEASED']),
              is.and([is('state', '=', 'TAKEN'), is('taken_by', '=', row.taken_by)]),
            ]),
          )
          .execute()
        await transaction
          .insertInto('preview')
          .values({ ...row, taken_by: '' })
          .execute()
        return true
      }),
    /**
     * Whether it was in one of these states, in time and, if that is asked, with this call. A document before
     * that of `to` stays beside it.
     */
    change: async (
      number: string,
      from: { states: PreviewRowState[]; after?: string; takenBy?: string },
      to: Updateable<PreviewRow>,
    ): Promise<boolean> => {
      let query = tables
        .updateTable('preview')
        .set((row) => ({ ...to, ...(to.document !== undefined && { released: row.ref('document') }) }))
        .where('number', '=', number)
        .where('state', 'in', from.states)
      if (from.after !== undefined) query = query.where('valid_until', '>', from.after)
      if (from.takenBy !== undefined) query = query.where('taken_by', '=', from.takenBy)
      return (await query.executeTakeFirst()).numUpdatedRows === 1n
    },
    /** Newest first. */
    ofPerson: (q: {
      person: string
      subsystem: string
      after?: After | undefined
      limit: number
    }): Promise<PreviewRow[]> => {
      const { after } = q
      let query = tables
        .selectFrom('preview')
        .selectAll()
        .where('person', '=', q.person)
        .where('subsystem', '=', q.subsystem)
      if (after !== undefined)
        query = query.where((is) =>
          is.or([
            is('asked_at', '<', after.at),
            is.and([is('asked_at', '=', after.at), is('number', '>', after.id)]),
          ]),
        )
      return query.orderBy('asked_at', 'desc').orderBy('number').limit(q.limit).execute()
    },
    /**
     * The previews of a person by which answers left: numbers by request id, service and client. Clients
     * choose request ids, and in SOAP can use one again: of several calls only the record says which it was.
     * So no numbers are found for calls without one: only which of them there are.
     */
    previewsOf: async ({ person, calls }: PreviewedCalls): Promise<Map<string, string[]>> => {
      if (person === undefined || calls.length === 0) return new Map()
      const numbers = calls.flatMap(({ number }) => number ?? [])
      const ids = calls.map(({ requestId }) => requestId)
      const rows = await tables
        .selectFrom('preview')
        .select(['taken_by', 'service', 'client'])
        .distinct()
        .where('person', '=', person)
        .where('taken_by', 'in', ids)
        .where('state', '=', 'GIVEN')
        .$if(numbers.length > 0, (query) => query.select('number').where('number', 'in', numbers))
        .execute()
      const byCall = Map.groupBy(rows, ({ taken_by, service, client }) => `${taken_by} ${service} ${client}`)
      return new Map([...byCall].map(([call, of]) => [call, of.flatMap(({ number }) => number ?? [])]))
    },
    /** By state, of a subsystem. */
    counts: async (subsystem: string): Promise<Map<PreviewRowState, Whole>> => {
      const rows = await tables
        .selectFrom('preview')
        .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
        .where('subsystem', '=', subsystem)
        .groupBy('state')
        .execute()
      return new Map(rows.map(({ state, count }) => [state, Number(count)]))
    },
    /** What waits and is over is nobody's any more. */
    expire: async (now: string): Promise<void> => {
      await tables
        .updateTable('preview')
        .set({ state: 'VOID', content: null })
        .where('state', '=', 'WAITING')
        .where('valid_until', '<=', now)
        .execute()
    },
    /** Deletes what was decided before the one time, and all else before the other. */
    forget: async (decidedBefore: string, otherBefore: string): Promise<void> => {
      await tables
        .deleteFrom('preview')
        .where((is) =>
          is.or([
            is('asked_at', '<', decidedBefore),
            is.and([is('asked_at', '<', otherBefore), is('decided_at', 'is', null)]),
          ]),
        )
        .execute()
    },
  }
}
