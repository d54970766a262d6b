/**
 * Counts the records by hour and by what they say of themselves, and stores the first and last index of each
 * count. Counts stay after an erasure: they name no exchange. A search for few records among many uses them
 * to know where to look.
 */
import { createHash } from 'node:crypto'
import {
  type Expression,
  type ExpressionBuilder,
  type Kysely,
  type RawBuilder,
  type SqlBool,
  sql,
} from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { METADATA, MONITORING, requestsOf } from '#schemas/upkeep-services.ts'
import { DIMENSIONS, type Dimensions, keyOf } from '../../message-log/daily-counts/dimensions.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import type { IndexTables } from './tables.ts'
import { asksForTerms, fitsTerms, type TermsFilter } from './terms-store.ts'

export type TrafficRow = Omit<IndexTables['traffic'], 'key' | 'secrecy' | 'terms'>

/** Texts must match exactly. `party`: a member or subsystem that is the client or the provider. */
export type DimensionFilter = Partial<Dimensions> &
  TermsFilter & {
    party?: string
    /** true: refused, failed or unknown outcome; false: none of these. */
    failed?: boolean
    /** true: only the calls by which the instance keeps itself going; false: without them. */
    upkeep?: boolean
    /**
     * The subsystem that the registry is asked at: without it none of its calls is known as one of upkeep.
     */
    management?: string | undefined
    /** Without a clearance the filter finds only what everybody may see. */
    clearance?: Clearance
  }

/**
 * The hour of an ISO time, as `2026-11-25T09`. An expression, so that the database does not use the index by
 * time where the one by index is faster.
 */
export const HOUR = sql<string>`substr(time, 1, 13)`

/** The first and last index of an hour's matching records. */
type Span = { hour: string; first: number; last: number }

export type TrafficQuestion = {
  filter: DimensionFilter
  /** Hours; `from` is included, `to` is not. */
  from: string
  to: string
  step: 'hour' | 'day'
  by: 'peer' | 'client' | 'service' | 'outcome' | 'direction'
  /** At most so many groups, the largest first. All further ones are summed up as `others`. */
  groups: number
}

/**
 * Exchanges between a client and a service on one day, without those under a secret contract. `direction`:
 * that of the record that ended the exchange.
 */
export type CallsOfPair = {
  client: string
  service: string
  direction: string
  answered: number
  failed: Whole
  refused: number
}

/**
 * `pairs`: the pairs with the most exchanges, without those under a secret contract. `total`: the sum over
 * all pairs, secret ones included.
 */
export type CallsOfDay = {
  pairs: CallsOfPair[]
  total: Omit<CallsOfPair, 'client' | 'service' | 'direction'>
}

type Count = { exchanges: Whole; failed: Whole }

type Pair = { client: string; service: string; direction: string }

export type PairsQuestion = Omit<TrafficQuestion, 'step' | 'by' | 'groups'> & { pairs: number }

/**
 * `pairs`: those with the most exchanges. `clients`, `services`: those with the most exchanges whatever the
 * filter says of clients, services and directions.
 */
export type TrafficOfPairs = {
  total: Count
  hours: ({ at: string } & Count)[]
  pairs: (Pair & Count)[]
  clients: string[]
  services: string[]
}

/** One hour of one pair. */
export type HourOfPair = { at: string } & Pair & Count

/** Counts of exchanges that have ended: by a reply, a refusal, or with an unknown outcome. */
export type Traffic = {
  total: Count
  steps: ({ at: string } & Count)[]
  groups: ({ value: string } & Count)[]
  others: Count
}

export type TrafficStore = ReturnType<typeof createTrafficStore>

const FINE = ['', 'ok']
const PAIR = ['client', 'service', 'direction'] as const
/** Clients or services from which a reader chooses. */
const MOST_NAMED = 200
/** The kinds that end an exchange. Receipts of deliveries are about exchanges, and none themselves. */
const ENDS = ['reply', 'refusal', 'outcome-unknown']

const answered = sql<number>`sum(case when kind = 'reply' and outcome in ('', 'ok') then records else 0 end)`
const refused = sql<number>`sum(case when kind = 'refusal' then records else 0 end)`
const failed = sql<number>`sum(case when kind = 'refusal' or (kind = 'reply' and outcome in ('', 'ok')) then 0 else records end)`

export function hourOf(time: string): string {
  return time.slice(0, 13)
}

export function hourAfter(time: string): string {
  return hourOf(new Date(Date.parse(`${hourOf(time)}:00:00Z`) + 3_600_000).toISOString())
}

export function isNarrowed(filter: DimensionFilter): boolean {
  return (
    filter.party !== undefined ||
    filter.failed !== undefined ||
    filter.upkeep !== undefined ||
    asksForTerms(filter) ||
    DIMENSIONS.some((name) => filter[name] !== undefined)
  )
}

/**
 * For `search` and `traffic`, whose columns have the same names. Every search and count for people uses this
 * condition: it excludes records that the reader may not see.
 */
export function fitsDimensions(
  is: ExpressionBuilder<IndexTables, 'search' | 'traffic'>,
  filter: DimensionFilter,
): Expression<SqlBool> {
  const { party, failed } = filter
  return is.and([
    is('secrecy', '<=', filter.clearance ?? 0),
    ...DIMENSIONS.flatMap((name) => {
      const value = filter[name]
      return value === undefined ? [] : [is(name, '=', value)]
    }),
    ...(party === undefined
      ? []
      : [is.or([is('client', '=', party), below('client', party), below('service', party)])]),
    ...(asksForTerms(filter) ? [fitsTerms(is, filter)] : []),
    ...(filter.upkeep === undefined
      ? []
      : [filter.upkeep ? isUpkeep(is, filter) : is.not(isUpkeep(is, filter))]),
    ...(failed === undefined ? [] : [is('outcome', failed ? 'not in' : 'in', FINE)]),
  ])
}

/** Not `like`, because an identifier may contain its wildcards. */
function below(column: string, party: string): Expression<SqlBool> {
  return sql<SqlBool>`substr(${sql.ref(column)}, 1, ${party.length + 1}) = ${`${party}/`}`
}

/**
 * Whether the service is one of upkeep: its code in its place and letter for letter, and whose service it is.
 * A subsystem of such a name, or a service that is written otherwise, is somebody's.
 */
function isUpkeep(
  is: ExpressionBuilder<IndexTables, 'search' | 'traffic'>,
  { management }: Pick<DimensionFilter, 'management'>,
) {
  const slashes = sql<number>`length(service) - length(replace(service, '/', ''))`
  const unversioned = sql<string>`case ${slashes} when 5 then ${before('service')} when 4 then service else '' end`
  return is.or([
    is(codeOf(unversioned), 'in', METADATA),
    is.and([is(slashes, '=', 3), is(codeOf(sql.ref('service')), 'in', MONITORING)]),
    ...(management === undefined ? [] : [is(unversioned, 'in', requestsOf(management))]),
  ])
}

/** Both stores know `rtrim` with letters: it takes what is behind the last slash. */
const upTo = (id: RawBuilder<unknown>) => sql`rtrim(${id}, replace(${id}, '/', ''))`
const before = (column: string) => sql`rtrim(${upTo(sql.ref(column))}, '/')`
const codeOf = (id: RawBuilder<unknown>) => sql<string>`substr(${id}, length(${upTo(id)}) + 1)`

export function createTrafficStore(database: Database) {
  const kysely = tablesOf<IndexTables>(database)

  return {
    /** Counts rows of `search`. Call it once for each row, in the transaction that adds it. */
    count: async (transaction: Kysely<IndexTables>, rows: IndexTables['search'][]): Promise<void> => {
      for (const counted of countsOf(rows)) {
        const { records, first_idx, last_idx } = counted
        await transaction
          .insertInto('traffic')
          .values(counted)
          .onConflict((conflict) =>
            conflict.columns(['hour', 'key']).doUpdateSet((old) => ({
              records: old('traffic.records', '+', records),
              first_idx: old
                .case()
                .when('traffic.first_idx', '<', first_idx)
                .then(old.ref('traffic.first_idx'))
                .else(first_idx)
                .end(),
              last_idx: old
                .case()
                .when('traffic.last_idx', '>', last_idx)
                .then(old.ref('traffic.last_idx'))
                .else(last_idx)
                .end(),
            })),
          )
          .execute()
      }
    },

    /** At most `limit` hours that have matching records, newest first. `from` is included, `to` is not. */
    spans: async (q: {
      filter: DimensionFilter
      from: string
      to: string
      limit: number
    }): Promise<Span[]> => {
      const rows = await kysely
        .selectFrom('traffic')
        .select(({ fn }) => ['hour', fn.min('first_idx').as('first'), fn.max('last_idx').as('last')])
        .where('hour', '>=', q.from)
        .where('hour', '<', q.to)
        .where((is) => fitsDimensions(is as never, q.filter))
        .groupBy('hour')
        .orderBy('hour', 'desc')
        .limit(q.limit)
        .execute()
      return rows.map(({ hour, first, last }) => ({ hour, first: Number(first), last: Number(last) }))
    },

    /**
     * The counts of a day that the registry may receive (decision of 2026-11-26). A pair with nothing but
     * refusals is not named: in a refusal the names are whatever the requester sent.
     */
    callsOf: async (q: { day: string; pairs: number }): Promise<CallsOfDay> => {
      const ended = kysely
        .selectFrom('traffic')
        .where('hour', '>=', q.day)
        .where('hour', '<', `${q.day}U`)
        .where('kind', 'in', ENDS)
        .select([answered.as('answered'), failed.as('failed'), refused.as('refused')])
      const total = await ended.executeTakeFirstOrThrow()
      const pairs = await ended
        .select(['client', 'service', 'direction'])
        .where('secrecy', '=', 0)
        .groupBy(['client', 'service', 'direction'])
        .having(sql<SqlBool>`sum(case when kind = 'refusal' then 0 else records end) > 0`)
        .orderBy(({ fn }) => fn.sum('records'), 'desc')
        .orderBy('client')
        .orderBy('service')
        .orderBy('direction')
        .limit(q.pairs)
        .execute()
      return { pairs: pairs.map((row) => ({ ...row, ...outcomesOf(row) })), total: outcomesOf(total) }
    },

    pairs: async (q: PairsQuestion): Promise<TrafficOfPairs> => {
      const ended = endedIn(kysely, q)
      const { client: _client, service: _service, direction: _direction, ...others } = q.filter
      const all = endedIn(kysely, { ...q, filter: others })
      const named = async (name: 'client' | 'service'): Promise<string[]> => {
        const rows = await all
          .select(`${name} as value`)
          .where(name, '<>', '')
          .groupBy(name)
          .orderBy('exchanges', 'desc')
          .orderBy('value')
          .limit(MOST_NAMED)
          .execute()
        return rows.map(({ value }) => value)
      }
      const hours = await ended.select('hour as at').groupBy('hour').orderBy('hour').execute()
      const pairs = await ended
        .select(PAIR)
        .groupBy(PAIR)
        .orderBy('exchanges', 'desc')
        .orderBy('client')
        .orderBy('service')
        .orderBy('direction')
        .limit(q.pairs)
        .execute()
      return {
        total: sumOf(hours.map(countOf)),
        hours: hours.map((row) => ({ at: row.at, ...countOf(row) })),
        pairs: pairs.map((row) => ({ ...row, ...countOf(row) })),
        clients: await named('client'),
        services: await named('service'),
      }
    },

    /** Each hour of each pair, the newest first; at most so many. */
    hoursOfPairs: async (q: PairsQuestion): Promise<HourOfPair[]> => {
      const rows = await endedIn(kysely, q)
        .select(['hour as at', ...PAIR])
        .groupBy(['hour', ...PAIR])
        .orderBy('hour', 'desc')
        .orderBy('exchanges', 'desc')
        .orderBy('client')
        .orderBy('service')
        .limit(q.pairs)
        .execute()
      return rows.map((row) => ({ ...row, ...countOf(row) }))
    },

    traffic: async (q: TrafficQuestion): Promise<Traffic> => {
      const ended = endedIn(kysely, q)
      const at = q.step === 'hour' ? sql<string>`hour` : sql<string>`substr(hour, 1, 10)`
      const steps = await ended.select(at.as('at')).groupBy(at).orderBy(at).execute()
      const groups = await ended
        .select(`${q.by} as value`)
        .groupBy(q.by)
        .orderBy('exchanges', 'desc')
        .orderBy('value')
        .limit(q.groups)
        .execute()
      const total = sumOf(steps.map(countOf))
      const shown = sumOf(groups.map(countOf))
      return {
        total,
        steps: steps.map((row) => ({ at: row.at, ...countOf(row) })),
        groups: groups.map((row) => ({ value: row.value, ...countOf(row) })),
        others: { exchanges: total.exchanges - shown.exchanges, failed: total.failed - shown.failed },
      }
    },
  }
}

/** Counts of the exchanges that ended in these hours. */
function endedIn(kysely: Kysely<IndexTables>, q: Pick<TrafficQuestion, 'filter' | 'from' | 'to'>) {
  return kysely
    .selectFrom('traffic')
    .where('hour', '>=', q.from)
    .where('hour', '<', q.to)
    .where('kind', 'in', ENDS)
    .where((is) => fitsDimensions(is as never, q.filter))
    .select(({ fn }) => [
      fn.sum<number>('records').as('exchanges'),
      sql<number>`sum(case when outcome in ('', 'ok') then 0 else records end)`.as('failed'),
    ])
}

function outcomesOf(row: { answered: unknown; failed: unknown; refused: unknown }): CallsOfDay['total'] {
  return { answered: Number(row.answered), failed: Number(row.failed), refused: Number(row.refused) }
}

function countOf(row: { exchanges: unknown; failed: unknown }): Count {
  return { exchanges: Number(row.exchanges), failed: Number(row.failed) }
}

function sumOf(counts: Count[]): Count {
  return counts.reduce(
    (sum, { exchanges, failed }) => ({ exchanges: sum.exchanges + exchanges, failed: sum.failed + failed }),
    { exchanges: 0, failed: 0 },
  )
}

function countsOf(rows: IndexTables['search'][]): IndexTables['traffic'][] {
  const counted = new Map<string, IndexTables['traffic']>()
  for (const row of rows) {
    const hour = hourOf(row.time)
    const name = JSON.stringify([hour, row.secrecy, row.terms, ...DIMENSIONS.map((each) => row[each])])
    const known = counted.get(name)
    if (known === undefined) {
      const { direction, kind, outcome, client, service, peer, secrecy, terms, idx } = row
      const dimensions = { direction, kind, outcome, client, service, peer, secrecy, terms }
      const key = keyOf(dimensions, createHash('sha256'))
      counted.set(name, { hour, key, ...dimensions, records: 1, first_idx: idx, last_idx: idx })
      continue
    }
    known.records++
    known.first_idx = Math.min(known.first_idx, row.idx)
    known.last_idx = Math.max(known.last_idx, row.idx)
  }
  return [...counted.values()]
}
