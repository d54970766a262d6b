/**
 * The exchanges about a person, for the person: requests that carry one of the entries, or whose reply does. Messages about more people
 * than are indexed are counted by month and purpose; nobody is named in these counts.
 */
import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { LookedAt } from './looked-at.ts'
import type { SubjectTables } from './tables.ts'

/** What stands in the index about one exchange. `direction`: of the record, `in` where this server was the provider. */
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
}

export type MassCount = Omit<SubjectTables['mass_use'], 'month' | 'key'>

/** Exchanges of one subsystem, in text form. */
export type UsesQuestion = {
  /** Hexadecimal. */
  entries: string[]
  subsystem: string
  /** ISO times with milliseconds: `from` is included, `to` is not. */
  from?: string | undefined
  to?: string | undefined
  /** At most so many, the newest ones. */
  most: number
}

const AT_ONCE = 1000
const MOST_SERVICES = 500
const REASONS: ReadonlySet<string> = new Set(['too_many', 'reply_too_many'])

export type UsesStore = ReturnType<typeof createUsesStore>

export function createUsesStore(database: Database) {
  const kysely = tablesOf<SubjectTables>(database)
  const isPartitioned = database.dialect === 'postgresql'

  return {
    /** Newest first. Mass messages are left out. */
    uses: async ({ entries, subsystem, from, to, most }: UsesQuestion): Promise<FoundUse[]> => {
      if (entries.length === 0) return []
      const mine = await kysely
        .selectFrom('subject')
        .select('idx')
        .distinct()
        .where(
          'entry',
          'in',
          entries.map((entry) => Buffer.from(entry, 'hex')),
        )
        .orderBy('idx', 'desc')
        .limit(2 * most)
        .execute()
      const found = await requestsAt(mine.map(({ idx }) => Number(idx)))
      const mass = await massAmong(found.map(({ idx }) => idx))
      const isMine = ({ direction, client, service }: FoundUse): boolean =>
        direction === 'out' ? client === subsystem : service.startsWith(`${subsystem}/`)
      return found
        .filter((one) => isMine(one) && !mass.has(one.idx))
        .filter(({ time }) => (from === undefined || time >= from) && (to === undefined || time < to))
        .sort((a, b) => b.idx - a.idx)
        .slice(0, most)
    },

    /** What answered these requests, by the request's index. */
    answers: async (indexes: number[]): Promise<Map<number, { index: number; outcome: string }>> => {
      const rows =
        indexes.length === 0
          ? []
          : await kysely.selectFrom('subject_answer').selectAll().where('idx', 'in', indexes).execute()
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
              .where(isOneOf('record.idx', indexes))
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

  /** With partitions each record is looked up by its key. */
  function isOneOf(column: string, indexes: number[]) {
    return isPartitioned
      ? sql<boolean>`${sql.ref(column)} = any (${indexes})`
      : sql<boolean>`${sql.ref(column)} in (${sql.join(indexes)})`
  }

  /** The requests among these records, and those that the replies among them answer. */
  async function requestsAt(indexes: number[]): Promise<FoundUse[]> {
    const found = new Map<number, FoundUse>()
    let left = indexes
    // What a reply answers is a request: the second round is the last one.
    for (let round = 0; round < 2 && left.length > 0; round++) {
      const answered = new Set<number>()
      for (let at = 0; at < left.length; at += AT_ONCE) {
        const rows = await kysely
          .selectFrom('search')
          .select(['idx', 'time', 'kind', 'direction', 'outcome', 'query_id', 'request_id'])
          .select(['client', 'service', 'answers', 'terms', 'secrecy'])
          .where(isOneOf('search.idx', left.slice(at, at + AT_ONCE)))
          .execute()
        for (const { kind, answers, ...row } of rows) {
          const numbers = { idx: Number(row.idx), terms: Number(row.terms), secrecy: Number(row.secrecy) }
          if (kind === 'request') found.set(numbers.idx, { ...row, ...numbers })
          else if (answers !== null) answered.add(Number(answers))
        }
      }
      left = [...answered].filter((idx) => !found.has(idx))
    }
    return [...found.values()]
  }

  async function massAmong(indexes: number[]): Promise<Set<number>> {
    const mass = new Set<number>()
    for (let at = 0; at < indexes.length; at += AT_ONCE) {
      const rows = await kysely
        .selectFrom('subject_mass')
        .select('idx')
        .where(isOneOf('subject_mass.idx', indexes.slice(at, at + AT_ONCE)))
        .execute()
      for (const { idx } of rows) mass.add(Number(idx))
    }
    return mass
  }
}

/** A prefix without wildcards: codes may have any character. */
function isServiceOf(subsystem: string) {
  const prefix = `${subsystem}/`
  return sql<boolean>`substr(service, 1, ${sql.lit(prefix.length)}) = ${prefix}`
}

/** In the transaction that indexes these records: notes what answered a request about people, and counts mass messages. */
export async function addUses(
  transaction: Kysely<SubjectTables>,
  q: { from: number; to: number; records: LookedAt[] },
): Promise<void> {
  await sql`insert into subject_answer (idx, answer_idx, outcome)
    select answers, idx, outcome from search
    where idx >= ${q.from} and idx < ${q.to} and answers is not null and kind in ('reply', 'refusal', 'outcome-unknown')
      and exists (select 1 from subject where subject.idx = search.answers or subject.idx = search.idx)
    on conflict (idx) do nothing`.execute(transaction)
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
