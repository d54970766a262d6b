/** Stores what is withheld and until when, and what services say of their uses. */
import type { SelectQueryBuilder } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { counted, textContains } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { Purposes } from '#schemas/find-usage.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

/**
 * Identifiers in text form, times in ISO form. `target`: the index of a request in the log, as a client may
 * use one query id again and again; or the id of a contract.
 */
export type ExceptionRow = {
  id: Uuid
  subsystem: string
  scope: string
  target: string
  /** The query id of the request. */
  message_id: string | null
  ground: string
  owner: string
  set_by: string
  /** The second person. */
  agreed_by: string
  set_at: Time
  ends_at: Time
  /** When somebody ended it earlier. */
  ended_at: Time | null
  ended_by: string | null
}

/** `before`: only those set before this time; `state` is that of the time `now`. */
export type ExceptionFilter = {
  subsystem?: string | undefined
  before?: string | undefined
  state?: 'withheld' | 'told' | undefined
  q?: string | undefined
  now: string
}

/** What is said of the uses of a service. */
export type ServiceRule = { service: string; isGeneral: boolean; words: Purposes }

type Tables = {
  tracker_exception: ExceptionRow
  tracker_service: { service: string; subsystem: string; is_general: Whole; words: string }
}

type Exceptions<R> = SelectQueryBuilder<Tables, 'tracker_exception', R>

export type TrackerStore = ReturnType<typeof createTrackerStore>

/** In force at once, of one subsystem. */
const MOST_IN_FORCE = 10_000
const MOST_RULES = 500
const DAY_MS = 86_400_000
/** The target of a contract is its id. */
const SEARCHED = ['message_id', 'target', 'owner']

export function createTrackerStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /** What is withheld at this time. */
    inForce: (
      subsystem: string,
      now: string,
    ): Promise<Pick<ExceptionRow, 'scope' | 'target' | 'ends_at'>[]> =>
      tables
        .selectFrom('tracker_exception')
        .select(['scope', 'target', 'ends_at'])
        .where('subsystem', '=', subsystem)
        .where('ends_at', '>', now)
        .where('ended_at', 'is', null)
        .execute(),
    /**
     * Throws `conflict` when there are too many, and when with those before it the same would be withheld for
     * longer than `mostDays`.
     */
    add: (row: ExceptionRow, { mostDays }: { mostDays: number }): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'tracker exceptions')
        const { count } = await transaction
          .selectFrom('tracker_exception')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('subsystem', '=', row.subsystem)
          .where('ends_at', '>', row.set_at)
          .where('ended_at', 'is', null)
          .executeTakeFirstOrThrow()
        if (Number(count) >= MOST_IN_FORCE)
          throw new Fault('conflict', { what: say`${MOST_IN_FORCE} exceptions of a subsystem are in force` })
        const { first } = await transaction
          .selectFrom('tracker_exception')
          .select(({ fn }) => fn.min('set_at').as('first'))
          .where('subsystem', '=', row.subsystem)
          .where('scope', '=', row.scope)
          .where('target', '=', row.target)
          .executeTakeFirstOrThrow()
        if (first !== null && Date.parse(row.ends_at) > Date.parse(first) + mostDays * DAY_MS)
          throw new Fault('conflict', {
            what: `this was first withheld on ${first.slice(0, 10)}, and nothing is for more than ${mostDays} days`,
          })
        await transaction.insertInto('tracker_exception').values(row).execute()
      }),
    /** Newest first. */
    list: (filter: ExceptionFilter & { offset: number; limit: number }): Promise<ExceptionRow[]> =>
      narrowed(tables.selectFrom('tracker_exception'), filter)
        .selectAll()
        .orderBy('set_at', 'desc')
        .orderBy('id')
        .offset(filter.offset)
        .limit(filter.limit)
        .execute(),
    count: (filter: ExceptionFilter): Promise<Whole> =>
      counted(narrowed(tables.selectFrom('tracker_exception'), filter)),
    /** Throws `not_found` unless it is in force. */
    end: async (id: string, q: { by: string; at: string }): Promise<void> => {
      const ended = await tables
        .updateTable('tracker_exception')
        .set({ ended_at: q.at, ended_by: q.by })
        .where('id', '=', id)
        .where('ends_at', '>', q.at)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      if (ended.numUpdatedRows === 0n)
        throw new Fault('not_found', { what: say`no such exception is in force` })
    },
    /** How many were set in each month that is over, by ground; newest month first. */
    countsByMonth: async (subsystem: string, now: string) => {
      const rows = await tables
        .selectFrom('tracker_exception')
        .select(['set_at', 'ground'])
        .where('subsystem', '=', subsystem)
        .where('set_at', '<', now.slice(0, 7))
        .orderBy('set_at', 'desc')
        .limit(MOST_IN_FORCE)
        .execute()
      const counts = Map.groupBy(rows, ({ set_at, ground }) => `${set_at.slice(0, 7)} ${ground}`)
      return [...counts].slice(0, MOST_COUNTS).map(([name, of]) => {
        const [month, ground] = name.split(' ') as [string, string]
        return { month, ground, exceptions: of.length }
      })
    },
    /** The numbers in force, by ground. */
    countsByGround: async (now: string): Promise<[string, number][]> => {
      const rows = await tables
        .selectFrom('tracker_exception')
        .select(({ fn }) => ['ground', fn.countAll<number>().as('count')])
        .where('ends_at', '>', now)
        .where('ended_at', 'is', null)
        .groupBy('ground')
        .execute()
      return rows.map(({ ground, count }) => [ground, Number(count)])
    },

    rules: async (subsystem: string): Promise<Map<string, ServiceRule>> => {
      const rows = await tables
        .selectFrom('tracker_service')
        .selectAll()
        .where('subsystem', '=', subsystem)
        .orderBy('service')
        .execute()
      return new Map(
        rows.map(({ service, is_general, words }) => [
          service,
          { service, isGeneral: Number(is_general) === 1, words: JSON.parse(words) as Purposes },
        ]),
      )
    },
    /** Throws `conflict` when there are too many. */
    setRule: (subsystem: string, { service, isGeneral, words }: ServiceRule): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'tracker services')
        const values = { is_general: isGeneral ? 1 : 0, words: JSON.stringify(words) }
        await transaction
          .insertInto('tracker_service')
          .values({ subsystem, service, ...values })
          .onConflict((conflict) => conflict.columns(['subsystem', 'service']).doUpdateSet(values))
          .execute()
        const of = transaction.selectFrom('tracker_service').select('service')
        if ((await of.where('subsystem', '=', subsystem).execute()).length > MOST_RULES)
          throw new Fault('conflict', { what: say`${MOST_RULES} services of a subsystem` })
      }),
  }
}

const MOST_COUNTS = 100

function narrowed<R>(query: Exceptions<R>, filter: ExceptionFilter): Exceptions<R> {
  const { subsystem, before, state, q = '', now } = filter
  let found = query
  if (subsystem !== undefined) found = found.where('subsystem', '=', subsystem)
  if (before !== undefined) found = found.where('set_at', '<', before)
  if (state === 'withheld') found = found.where('ends_at', '>', now).where('ended_at', 'is', null)
  if (state === 'told')
    found = found.where(({ eb, or }) => or([eb('ends_at', '<=', now), eb('ended_at', 'is not', null)]))
  if (q === '') return found
  return found.where(({ or }) => or(SEARCHED.map((column) => textContains(column, q))))
}
