/**
 * The exchanges about a person, for the person: requests that carry one of the entries, or whose reply does.
 * Messages about more people than are indexed are counted by month and purpose as well; nobody is named in
 * these counts.
 */
import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { LookedAt } from './looked-at.ts'
import type { SubjectTables } from './tables.ts'

/**
 * What stands in the index about one exchange. `direction`: of the record, `in` where this server was the
 * provider.
 */
export type FoundUse = {
  idx: number
  time: string
  direction: string
  outcome: string
  query_id: string
  request_id: string
  client: string
  service: string
  terms: number
  secrecy: number
  /** Its message, or the reply, was about more people than are indexed. */
  isMass: boolean
  /** It asked a tracker. */
  isLook: boolean
}

export type MassCount = Omit<SubjectTables['mass_use'], 'month' | 'key'>

/** Exchanges of one subsystem, in text form. */
export type UsesQuestion = {
  /** Hexadecimal, of the oldest month first. */
  entries: string[]
  subsystem: string
  /** ISO times with milliseconds: `from` is included, `to` is not. */
  from?: string | undefined
  to?: string | undefined
  /** Only requests that this server's systems were to answer and that were not refused. */
  givenOnly: boolean
}

const AT_ONCE = 1000
/** Entries of one person that a question looks at, the newest ones. */
const MOST_LOOKED_AT = 100_000
const MOST_SERVICES = 500
const REASONS: ReadonlySet<string> = new Set(['too_many', 'reply_too_many'])

export type UsesStore = ReturnType<typeof createUsesStore>

export function createUsesStore(database: Database) {
  const kysely = tablesOf<SubjectTables>(database)
  const { dialect } = database

  return {
    /**
     * Newest months first, in parts. Requests of other subsystems, under secret contracts and outside of the
     * months of the period are left out before anything is bounded. `isCut`: more could be found than is
     * looked at.
     */
    about: async function* (q: UsesQuestion): AsyncGenerator<{ rows: FoundUse[]; isCut: boolean }> {
      const seen = new Set<number>()
      let lookedAt = 0
      for (const entry of q.entries.toReversed()) {
        let before = Number.MAX_SAFE_INTEGER
        for (;;) {
          const mine = await kysely
            .selectFrom('subject')
            .select('idx')
            .where('entry', '=', Buffer.from(entry, 'hex'))
            .where('idx', '<', before)
            .orderBy('idx', 'desc')
            .limit(AT_ONCE)
            .execute()
          if (mine.length === 0) break
          const indexes = mine.map(({ idx }) => Number(idx))
          before = indexes.at(-1)!
          lookedAt += indexes.length
          const rows = await requestsAt(indexes, q)
          const isCut = lookedAt >= MOST_LOOKED_AT
          yield { rows: rows.filter(({ idx }) => !seen.has(idx)), isCut }
          for (const { idx } of rows) seen.add(idx)
          if (isCut) return
        }
      }
    },

    /** Those of these records that are requests in which the subsystem took part. */
    requests: (indexes: number[], subsystem: string): Promise<FoundUse[]> =>
      indexes.length === 0 ? Promise.resolve([]) : requestsOf(indexes, { subsystem, givenOnly: false }),

    /** What answered these requests, by the request's index. */
    answers: async (indexes: number[]): Promise<Map<number, { index: number; outcome: string }>> => {
      const rows =
        indexes.length === 0
          ? []
          : await kysely
              .selectFrom('subject_answer')
              .selectAll()
              .where(isOneOf('subject_answer.idx', indexes, dialect))
              .execute()
      return new Map(
        rows.map(({ idx, answer_idx, outcome }) => [Number(idx), { index: Number(answer_idx), outcome }]),
      )
    },

    /** The leaf hashes of these records. */
    leaves: async (indexes: number[]): Promise<Map<number, Buffer>> => {
      const rows =
        indexes.length === 0
          ? []
          : await kysely
              .selectFrom('record')
              .select(['idx', 'leaf'])
              .where(isOneOf('record.idx', indexes, dialect))
              .execute()
      return new Map(rows.map(({ idx, leaf }) => [Number(idx), Buffer.from(leaf)]))
    },

    servicesCalledBy: async (subsystem: string): Promise<string[]> => {
      const rows = await kysely
        .selectFrom('traffic')
        .select('service')
        .distinct()
        .where('direction', '=', 'out')
        .where('client', '=', subsystem)
        .where('secrecy', '=', 0)
        .limit(MOST_SERVICES)
        .execute()
      return rows.map(({ service }) => service)
    },

    /** Mass messages of a subsystem, counted over the months that overlap the period, newest first. */
    massUses: async (q: {
      subsystem: string
      from?: string | undefined
      to?: string | undefined
      limit: number
    }): Promise<MassCount[]> => {
      const rows = await kysely
        .selectFrom('mass_use')
        .select(['direction', 'client', 'service', 'contract', 'purpose', 'secrecy'])
        .select(({ fn }) => [
          fn.sum<number>('messages').as('messages'),
          fn.min('first_day').as('first_day'),
          fn.max('last_day').as('last_day'),
        ])
        .where('month', '>=', q.from?.slice(0, 7) ?? '')
        .where('month', '<=', q.to?.slice(0, 7) ?? '9')
        .where((is) =>
          is.or([
            is.and([is('direction', '=', 'out'), is('client', '=', q.subsystem)]),
            is.and([is('direction', '=', 'in'), isServiceOf(q.subsystem)]),
          ]),
        )
        .groupBy(['direction', 'client', 'service', 'contract', 'purpose', 'secrecy'])
        .orderBy('last_day', 'desc')
        .limit(q.limit)
        .execute()
      return rows.map((row) => ({
        ...row,
        ...{ messages: Number(row.messages), secrecy: Number(row.secrecy) },
      }))
    },
  }

  /** The requests that fit among these records, and among those that the replies among them answer. */
  async function requestsAt(indexes: number[], q: UsesQuestion): Promise<FoundUse[]> {
    const found = new Map<number, FoundUse>()
    for (const one of await requestsOf(indexes, q)) found.set(one.idx, one)
    const replies = await kysely
      .selectFrom('search')
      .select('answers')
      .distinct()
      .where(isOneOf('search.idx', indexes, dialect))
      .where('answers', 'is not', null)
      .execute()
    const answered = replies.map(({ answers }) => Number(answers)).filter((idx) => !found.has(idx))
    if (answered.length > 0) for (const one of await requestsOf(answered, q)) found.set(one.idx, one)
    return [...found.values()]
  }

  async function requestsOf(indexes: number[], q: Omit<UsesQuestion, 'entries'>): Promise<FoundUse[]> {
    const rows = await kysely
      .selectFrom('search')
      .leftJoin('subject_mass', 'subject_mass.idx', 'search.idx')
      .leftJoin('subject_look', 'subject_look.idx', 'search.idx')
      .select(['search.idx', 'time', 'direction', 'outcome', 'query_id', 'request_id'])
      .select([
        'client',
        'service',
        'terms',
        'secrecy',
        'subject_mass.idx as mass',
        'subject_look.idx as look',
      ])
      .where(isOneOf('search.idx', indexes, dialect))
      .where('kind', '=', 'request')
      .where('secrecy', '=', 0)
      .where((is) =>
        is.or([
          is.and([is('direction', '=', 'in'), isServiceOf(q.subsystem)]),
          ...(q.givenOnly ? [] : [is.and([is('direction', '=', 'out'), is('client', '=', q.subsystem)])]),
        ]),
      )
      .$if(q.givenOnly, (query) => query.where('outcome', '=', ''))
      // The month of what is told in general terms counts by its beginning, which the caller looks at.
      .$if(q.from !== undefined, (query) => query.where('time', '>=', q.from!))
      .$if(q.to !== undefined, (query) => query.where(sql`substr(time, 1, 7)`, '<=', q.to!.slice(0, 7)))
      .execute()
    return rows.map(({ mass, look, ...row }) => ({
      ...row,
      ...{ idx: Number(row.idx), terms: Number(row.terms), secrecy: Number(row.secrecy) },
      ...{ isMass: mass !== null, isLook: look !== null },
    }))
  }
}

/**
 * Which records are meant, as one value, so that the statement is the same for any number of them. In
 * PostgreSQL, whose tables of records have partitions, each is looked up by its key.
 */
export function isOneOf(column: string, indexes: readonly number[], dialect: Database['dialect']) {
  return dialect === 'postgresql'
    ? sql<boolean>`${sql.ref(column)} = any (${indexes})`
    : sql<boolean>`${sql.ref(column)} in (select value from json_each(${JSON.stringify(indexes)}))`
}

/** A prefix without wildcards: codes may have any character. */
function isServiceOf(subsystem: string) {
  const prefix = `${subsystem}/`
  return sql<boolean>`substr(service, 1, ${sql.lit(prefix.length)}) = ${prefix}`
}

/**
 * In the transaction that indexes these records: notes what answered a request about people and what asked a
 * tracker, and counts mass messages.
 */
export async function addUses(
  transaction: Kysely<SubjectTables>,
  q: { from: number; to: number; records: LookedAt[] },
): Promise<void> {
  await sql`insert into subject_answer (idx, answer_idx, outcome)
    select answers, idx, outcome from search
    where idx >= ${q.from} and idx < ${q.to} and answers is not null and kind in ('reply', 'refusal', 'outcome-unknown')
      and exists (select 1 from subject where subject.idx = search.answers or subject.idx = search.idx)
    on conflict (idx) do nothing`.execute(transaction)
  for (const { idx, isLook } of q.records)
    if (isLook === true)
      await transaction
        .insertInto('subject_look')
        .values({ idx })
        .onConflict((conflict) => conflict.column('idx').doNothing())
        .execute()
  const many = q.records.filter(({ reason }) => reason !== undefined && REASONS.has(reason))
  for (const { idx } of many) await countMass(transaction, idx)
}

async function countMass(transaction: Kysely<SubjectTables>, idx: number): Promise<void> {
  const own = await rowOf(transaction, idx)
  const request = own?.answers === null || own === undefined ? own : await rowOf(transaction, own.answers)
  if (request === undefined) return
  const added = await transaction
    .insertInto('subject_mass')
    .values({ idx: request.idx })
    .onConflict((conflict) => conflict.column('idx').doNothing())
    .executeTakeFirst()
  // Its reply is about many people too.
  if (added.numInsertedOrUpdatedRows !== 1n) return
  const { direction, client, service, secrecy } = request
  const named = {
    ...{ direction, client, service, secrecy: Number(secrecy) },
    ...{ contract: request.contract ?? '', purpose: request.purpose ?? '' },
  }
  const [month, day] = [request.time.slice(0, 7), request.time.slice(0, 10)]
  await transaction
    .insertInto('mass_use')
    .values({
      ...{ month, key: hash('sha256', JSON.stringify(Object.values(named)), 'buffer') },
      ...{ ...named, first_day: day, last_day: day, messages: 1 },
    })
    .onConflict((conflict) =>
      conflict.columns(['month', 'key']).doUpdateSet((old) => ({
        messages: old('mass_use.messages', '+', 1),
        last_day: day,
      })),
    )
    .execute()
}

function rowOf(transaction: Kysely<SubjectTables>, idx: number) {
  return transaction
    .selectFrom('search')
    .leftJoin('search_terms', 'search_terms.id', 'search.terms')
    .select(['search.idx', 'time', 'direction', 'client', 'service', 'answers'])
    .select(['search.secrecy', 'contract', 'purpose'])
    .where('search.idx', '=', idx)
    .executeTakeFirst()
}
