/** Stores retention classes, the class of each service, and when the content of each record ends. */
import { CompiledQuery } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type ArchiveMode, type ClassSettings, DEFAULT_CLASS, type RetentionClass } from './classes.ts'
import type { RetentionTables } from './tables.ts'

/** The value of a row's `stoppedBy` while an archive must be made of its record first. */
export const AWAITS_ARCHIVE = -1

export type EndRow = { idx: number; class: number; ends: string | null; stoppedBy: number }

/** `keepDays`: the time that the contract of the exchange sets. */
type UndecidedRow = { idx: number; time: string; service: string; keepDays: number | null }

/** A record whose content is due to end. */
export type DueRow = { idx: number; class: number; ends: string; archive: number | null }

export type RetentionStore = ReturnType<typeof createRetentionStore>

/** Counts stop at this number, because a full count would block the log's thread. */
const COUNTED = 10_000
const PART = 50
const MARK = 'retention'

export function createRetentionStore(database: Database) {
  const kysely = tablesOf<RetentionTables>(database)
  const decided = decidedOf(database.dialect)

  const classNamed = async (name: string): Promise<RetentionClass> => {
    const row = await kysely
      .selectFrom('retention_class')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: say`retention class ${name}` })
    return toClass(row)
  }
  const countOf = async (held: boolean, now: string): Promise<number> => {
    const rows = kysely
      .selectFrom('retention')
      .select('idx')
      .where('stopped_by', held ? '>' : '<=', 0)
      .where('ends', '<=', now)
      .limit(COUNTED)
      .as('some')
    const { count } = await kysely
      .selectFrom(rows)
      .select((q) => q.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  }
  /** Stops the end of these contents: by a hold (its id) or by an archive to be made (AWAITS_ARCHIVE). 0 releases them. */
  const stop = async (indexes: number[], by: number): Promise<void> => {
    if (indexes.length === 0) return
    await kysely.updateTable('retention').set({ stopped_by: by }).where('idx', 'in', indexes).execute()
  }

  return {
    classes: async (): Promise<RetentionClass[]> =>
      (await kysely.selectFrom('retention_class').selectAll().orderBy('name').execute()).map(toClass),

    classNamed,

    putClass: async (settings: ClassSettings): Promise<void> => {
      const { name, keepDays, atEnd, archive } = settings
      const values = { keep_days: keepDays, at_end: atEnd, archive }
      await kysely
        .insertInto('retention_class')
        .values({ name, ...values })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
        .execute()
    },

    /** Service identifiers with the names of their classes, sorted by service. */
    assignments: (): Promise<{ service: string; class: string }[]> =>
      kysely
        .selectFrom('retention_assignment')
        .innerJoin('retention_class', 'retention_class.id', 'retention_assignment.class')
        .select(['retention_assignment.service', 'retention_class.name as class'])
        .orderBy('retention_assignment.service')
        .execute(),

    /** Puts a service into a class. For the default class its assignment is deleted. Throws `not_found`. */
    assign: async (service: string, name: string): Promise<void> => {
      const { id } = await classNamed(name)
      if (name === DEFAULT_CLASS) {
        await kysely.deleteFrom('retention_assignment').where('service', '=', service).execute()
        return
      }
      await kysely
        .insertInto('retention_assignment')
        .values({ service, class: id })
        .onConflict((conflict) => conflict.column('service').doUpdateSet({ class: id }))
        .execute()
    },

    /** The indexed records from `start` (included) to `end` (not) that have content. */
    undecided: (start: number, end: number): Promise<UndecidedRow[]> =>
      kysely
        .selectFrom('search')
        .leftJoin('erasure', 'erasure.idx', 'search.idx')
        .select(['search.idx', 'search.time', 'search.service', 'search.keep_days as keepDays'])
        .where('search.idx', '>=', start)
        .where('search.idx', '<', end)
        .where('erasure.idx', 'is', null)
        .orderBy('search.idx')
        .execute(),

    /**
     * In one transaction: stores when contents end, and up to which record this is decided. Records that are held or archived
     * keep their `stopped_by`.
     */
    decide: (rows: EndRow[], upTo: number): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        for (let at = 0; at < rows.length; at += PART) {
          const some = rows.slice(at, at + PART)
          const values = some.flatMap((row) => [row.idx, row.class, row.ends, row.stoppedBy])
          await transaction.executeQuery(CompiledQuery.raw(decided(some.length), values))
        }
        await transaction
          .insertInto('mark')
          .values({ name: MARK, value: upTo })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: upTo }))
          .execute()
      }),

    /** All records will be decided again, from the first one on. */
    forgetDecisions: async (): Promise<void> => {
      await kysely.deleteFrom('mark').where('name', '=', MARK).execute()
    },

    /** Records whose content is due to end, the longest due first. `stoppedBy`: 0 or AWAITS_ARCHIVE. */
    due: async (q: { now: string; stoppedBy: number; limit: number }): Promise<DueRow[]> =>
      (await kysely
        .selectFrom('retention')
        .select(['idx', 'class', 'ends', 'archive'])
        .where('stopped_by', '=', q.stoppedBy)
        .where('ends', '<=', q.now)
        .orderBy('ends')
        .orderBy('idx')
        .limit(q.limit)
        .execute()) as DueRow[],

    stop,

    /** Releases records whose holds were lifted, at most `limit`. Returns how many. */
    release: async (limit: number): Promise<number> => {
      const lifted = kysely.selectFrom('legal_hold').select('id').where('lifted_at', 'is not', null)
      const rows = await kysely
        .selectFrom('retention')
        .innerJoin('retention_class', 'retention_class.id', 'retention.class')
        .select(['retention.idx', 'retention.archive', 'retention_class.archive as mode'])
        .where('stopped_by', '>', 0)
        .where('stopped_by', 'in', lifted)
        .limit(limit)
        .execute()
      const awaiting = rows.filter(({ archive, mode }) => archive === null && mode !== 'NONE')
      await stop(indexesOf(awaiting), AWAITS_ARCHIVE)
      await stop(indexesOf(rows.filter((row) => !awaiting.includes(row))), 0)
      return rows.length
    },

    /** The numbers of due and of held contents, each counted up to COUNTED, and when the next content ends. */
    counts: async (now: string): Promise<{ due: number; held: number; nextEnd: string | null }> => {
      const next = await kysely
        .selectFrom('retention')
        .select('ends')
        .where('stopped_by', '<=', 0)
        .where('ends', 'is not', null)
        .orderBy('ends')
        .limit(1)
        .executeTakeFirst()
      return {
        due: await countOf(false, now),
        held: await countOf(true, now),
        nextEnd: next?.ends ?? null,
      }
    },
  }
}

function indexesOf(rows: { idx: number }[]): number[] {
  return rows.map(({ idx }) => idx)
}

function toClass(row: {
  id: number
  name: string
  keep_days: number | null
  at_end: string
  archive: string
}): RetentionClass {
  return {
    id: row.id,
    name: row.name,
    keepDays: row.keep_days,
    atEnd: row.at_end as RetentionClass['atEnd'],
    archive: row.archive as ArchiveMode,
  }
}

/** The statement for a number of rows. Each text is made once, because prepared statements are cached by their text. */
function decidedOf(dialect: Database['dialect']): (rows: number) => string {
  const texts = new Map<number, string>()
  return (rows) => {
    let at = 0
    const place = (): string => (dialect === 'sqlite' ? '?' : `$${++at}`)
    const row = (): string => `(${place()}, ${place()}, ${place()}, ${place()})`
    const text =
      texts.get(rows) ??
      `insert into retention (idx, class, ends, stopped_by) values ${Array.from({ length: rows }, row).join(', ')}
      on conflict (idx) do update set class = excluded.class, ends = excluded.ends, stopped_by = case
        when retention.stopped_by > 0 or retention.archive is not null then retention.stopped_by
        else excluded.stopped_by end`
    texts.set(rows, text)
    return text
  }
}
