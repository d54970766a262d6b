/**
 * Counts of exchanges by day and pair, one row for each end that reported them. What a server reports about
 * subsystems that are not its clients is counted without names, because only a subsystem's own server may
 * report for it.
 */
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import { dayOf } from '#core/reconciliation/day.ts'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import {
  byCalls,
  CALL_DAYS,
  type CallCounts,
  type CallOutcomes,
  type ReportedCalls,
  sumOf,
} from '#schemas/fleet.ts'
import { encodeSegment } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { takeDocument } from '../../documents/taken-store.ts'
import type { Tables } from './tables.ts'

export type CallStore = ReturnType<typeof createCallStore>

/** The exchanges of a pair; each is counted once, even when the servers of both ends reported it. */
type PairCalls = CallOutcomes & {
  consumer: string
  provider: string
  /** The service code, and the version where there is one. */
  service: string
  lastDay: string
}

/** Selects the exchanges of these subsystems, or of all subsystems of an instance. */
type CallsAsked = { from: string; to: string } & ({ subsystems: string[] } | { instance: string })

/**
 * `days`: the days whose counts the server has settled. `unnamed`: its exchanges without names of the
 * parties.
 */
type Reported = { days: number; unnamed: number }

const DAY_MS = 86_400_000
/** Two months, so that a month can be compared with the one before. */
const KEPT_DAYS = 62
/** Values per query; SQLite accepts some thousand. */
const CHUNK = 500
const ROWS_AT_ONCE = 50
/** The pairs with the most exchanges, more than anybody reads. */
const MOST_PAIRS = 20_000

export function createCallStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /**
     * Records the document's id and stores its counts, unless newer ones are stored. Throws `not_found`,
     * `invalid_input` or `replayed_request`.
     */
    take: (counts: CallCounts, now: number): Promise<void> =>
      inTransaction(database.kysely, async (kysely) => {
        const { server, day, createdAt } = counts
        await lockFor(kysely, `calls ${server}`)
        const transaction = tablesOf<Tables>({ kysely })
        await takeDocument(transaction, counts, now)
        if (day < dayOf(now - KEPT_DAYS * DAY_MS))
          throw new Fault('invalid_input', { what: say`${day} is more than ${KEPT_DAYS} days ago` })
        const own = await ownOf(transaction, server)
        const before = await transaction
          .selectFrom('call_day')
          .select(['created_at', 'settled'])
          .where('server', '=', server)
          .where('day', '=', day)
          .executeTakeFirst()
        if (before !== undefined && (before.created_at > createdAt || (before.settled && !counts.settled)))
          return
        for (const table of ['call_day', 'call_count'] as const)
          await transaction.deleteFrom(table).where('server', '=', server).where('day', '=', day).execute()
        const named = counts.calls.filter((one) => own.has(ownEnd(one)))
        const rest = [counts.rest, ...counts.calls.filter((one) => !own.has(ownEnd(one)))]
        const settled = counts.settled ? 1 : 0
        await transaction
          .insertInto('call_day')
          .values({ server, day, settled, created_at: createdAt, ...sumOf(rest) })
          .execute()
        const rows = named.map(({ service, ...one }) => ({ server, day, ...one, ...parted(service) }))
        for (let at = 0; at < rows.length; at += ROWS_AT_ONCE)
          await transaction
            .insertInto('call_count')
            .values(rows.slice(at, at + ROWS_AT_ONCE))
            .execute()
      }),

    /** The days before the day of `at` that are not settled here, the newest first. */
    missing: async (server: string, at: string): Promise<string[]> => {
      const days = Array.from({ length: CALL_DAYS }, (_, i) => dayOf(Date.parse(at) - (i + 1) * DAY_MS))
      const rows = await tables
        .selectFrom('call_day')
        .select('day')
        .where('server', '=', server)
        .where('day', 'in', days)
        .where('settled', '=', 1)
        .execute()
      const settled = new Set(rows.map(({ day }) => day))
      return days.filter((day) => !settled.has(day))
    },

    /** Deletes days that are too old. */
    prune: async (now: number): Promise<void> => {
      for (const table of ['call_day', 'call_count'] as const)
        await tables
          .deleteFrom(table)
          .where('day', '<', dayOf(now - KEPT_DAYS * DAY_MS))
          .execute()
    },

    /**
     * The pairs with the most exchanges first. Servers at both ends log an exchange; if both reported a day,
     * the end with the higher count is used.
     */
    pairs: async (asked: CallsAsked): Promise<PairCalls[]> => {
      if ('instance' in asked) return pairsWhere(tables, asked, ofInstance(asked.instance))
      const found = new Map<string, PairCalls>()
      for (let at = 0; at < asked.subsystems.length; at += CHUNK) {
        const some = asked.subsystems.slice(at, at + CHUNK)
        for (const end of ['consumer', 'provider'] as const)
          for (const pair of await pairsWhere(tables, asked, (is) => is(end, 'in', some)))
            found.set(JSON.stringify([pair.consumer, pair.provider, pair.service]), pair)
      }
      return [...found.values()].sort(byCalls)
    },

    /** The reports of each of these servers about these days; a server without reports is left out. */
    reported: async (q: { servers: string[]; from: string; to: string }): Promise<Map<string, Reported>> => {
      const found = new Map<string, Reported>()
      for (let at = 0; at < q.servers.length; at += CHUNK) {
        const rows = await tables
          .selectFrom('call_day')
          .select(['server', sql<number>`sum(settled)`.as('days')])
          .select(sql<number>`sum(answered + failed + refused)`.as('unnamed'))
          .where('server', 'in', q.servers.slice(at, at + CHUNK))
          .where('day', '>=', q.from)
          .where('day', '<=', q.to)
          .groupBy('server')
          .execute()
        for (const { server, days, unnamed } of rows)
          found.set(server, { days: Number(days), unnamed: Number(unnamed) })
      }
      return found
    },
  }
}

type Calls = ExpressionBuilder<Tables, 'call_count'>

async function pairsWhere(
  tables: Kysely<Tables>,
  { from, to }: { from: string; to: string },
  fits: (is: Calls) => Expression<SqlBool>,
): Promise<PairCalls[]> {
  const bySide = tables
    .selectFrom('call_count')
    .select(['consumer', 'provider', 'service', 'day'])
    .select(sql<number>`sum(answered)`.as('answered'))
    .select(sql<number>`sum(failed)`.as('failed'))
    .select(sql<number>`sum(refused)`.as('refused'))
    .select(
      sql<number>`row_number() over (partition by consumer, provider, service, day
        order by sum(answered + failed + refused) desc, side)`.as('place'),
    )
    .where('day', '>=', from)
    .where('day', '<=', to)
    .where((is) => fits(is))
    .groupBy(['consumer', 'provider', 'service', 'day', 'side'])
  const rows = await tables
    .selectFrom(bySide.as('end'))
    .where('place', '=', 1)
    .select(['consumer', 'provider', 'service', sql<string>`max(day)`.as('lastDay')])
    .select(sql<number>`sum(answered)`.as('answered'))
    .select(sql<number>`sum(failed)`.as('failed'))
    .select(sql<number>`sum(refused)`.as('refused'))
    .groupBy(['consumer', 'provider', 'service'])
    .orderBy(sql`sum(answered) + sum(failed) + sum(refused)`, 'desc')
    .orderBy('consumer')
    .orderBy('service')
    .limit(MOST_PAIRS)
    .execute()
  return rows.map(({ answered, failed, refused, ...pair }) => ({
    ...pair,
    ...{ answered: Number(answered), failed: Number(failed), refused: Number(refused) },
  }))
}

/** `like` is not used, because an identifier may contain its wildcards. */
function ofInstance(instance: string): (is: Calls) => Expression<SqlBool> {
  const start = `${encodeSegment(instance)}/`
  return (is) =>
    is.or(
      (['consumer', 'provider'] as const).map(
        (end) => sql<SqlBool>`substr(${sql.ref(end)}, 1, ${start.length}) = ${start}`,
      ),
    )
}

async function ownOf(transaction: Kysely<Tables>, server: string): Promise<Set<string>> {
  const row = await transaction
    .selectFrom('security_server')
    .select('owner')
    .where('id', '=', server)
    .executeTakeFirst()
  if (row === undefined) throw new Fault('not_found', { what: say`the security server ${server}` })
  const clients = await transaction
    .selectFrom('server_client')
    .select('client')
    .where('server', '=', server)
    .execute()
  return new Set([row.owner, ...clients.map(({ client }) => client)])
}

function ownEnd({ side, consumer, service }: ReportedCalls): string {
  return side === 'consumer' ? consumer : parted(service).provider
}

function parted(service: string): { provider: string; service: string } {
  const parts = service.split('/')
  return { provider: parts.slice(0, 4).join('/'), service: parts.slice(4).join('/') }
}
