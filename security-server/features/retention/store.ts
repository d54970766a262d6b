/** Stores retention classes, the class of each service, and when the content of each record ends. */
import { CompiledQuery, type Kysely } from 'kysely'
import { type Database, inTransaction, readDurably, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { EndMode } from '../../message-log/erasure/erase.ts'
import { type ArchiveMode, type ClassSettings, DEFAULT_CLASS, type RetentionClass } from './classes.ts'
import type { RetentionTables } from './tables.ts'

/** The value of a row's `stoppedBy` while an archive must be made of its record first. */
export const AWAITS_ARCHIVE = -1

export type EndRow = {
  idx: Whole
  class: Whole
  ends: string | null
  stoppedBy: Whole
  atEnd: EndMode
  archiveMode: ArchiveMode
}

/** `keepDays`: the time that the contract of the exchange sets. */
type UndecidedRow = { idx: Whole; time: string; service: string; keepDays: Whole | null }

/** A record whose content is due to end. */
export type DueRow = {
  idx: Whole
  class: Whole
  ends: string
  archive: Whole | null
  /** As it was decided. Null in rows of earlier versions, for which the class decides. */
  atEnd: EndMode | null
  archiveMode: ArchiveMode | null
}

export type RetentionStore = ReturnType<typeof createRetentionStore>

/** Counts stop at this number, because a full count would block the log's thread. */
const COUNTED = 10_000
const PART = 50
/** Up to which record it is decided when contents end. */
const MARK = 'retention'
/**
 * Raised by each new hold and each change of a class, which erasures (message-log/erasure/erase.ts) and
 * decisions must have seen.
 */
export const HOLDS = 'holds'

/** Whether a change is for all records that have content, or for those from now on. */
type Reach = { applyToExisting: boolean }

export function createRetentionStore(database: Database) {
  const kysely = tablesOf<RetentionTables>(database)
  const decided = decidedOf(database.dialect)

  const classNamed = async (within: Kysely<RetentionTables>, name: string): Promise<RetentionClass> => {
    const row = await within
      .selectFrom('retention_class')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: say`retention class ${name}` })
    return toClass(row)
  }
  /** Contents beyond it are to be decided again, so that none of them may end by what was decided before. */
  const decidedUpTo = () => kysely.selectFrom('mark').select('value').where('name', '=', MARK)
  const countOf = async (held: boolean, now: string): Promise<number> => {
    const rows = kysely
      .selectFrom('retention')
      .select('idx')
      .where('stopped_by', held ? '>' : '<=', 0)
      .where('ends', '<=', now)
      .where('idx', '<', decidedUpTo())
      .limit(COUNTED)
      .as('some')
    const { count } = await kysely
      .selectFrom(rows)
      .select((q) => q.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  }
  /**
   * Stops the end of these contents: by a hold (its id) or by an archive to be made (AWAITS_ARCHIVE). 0
   * releases them.
   */
  const stop = async (indexes: number[], by: number): Promise<void> => {
    if (indexes.length === 0) return
    await kysely.updateTable('retention').set({ stopped_by: by }).where('idx', 'in', indexes).execute()
  }

  return {
    classes: async (): Promise<RetentionClass[]> =>
      (await kysely.selectFrom('retention_class').selectAll().orderBy('name').execute()).map(toClass),

    /** With `applyToExisting` all records will be decided again, from the first one on. */
    putClass: ({ applyToExisting, ...settings }: ClassSettings & Reach): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        await raise(transaction)
        const { name, keepDays, atEnd, archive } = settings
        const values = { keep_days: keepDays, at_end: atEnd, archive }
        await transaction
          .insertInto('retention_class')
          .values({ name, ...values })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
          .execute()
        if (applyToExisting) await forgetDecisions(transaction)
      }),

    /** Service identifiers with the names of their classes, sorted by service. */
    assignments: (): Promise<{ service: string; class: string }[]> =>
      kysely
        .selectFrom('retention_assignment')
        .innerJoin('retention_class', 'retention_class.id', 'retention_assignment.class')
        .select(['retention_assignment.service', 'retention_class.name as class'])
        .orderBy('retention_assignment.service')
        .execute(),

    /**
     * Puts a service into a class; `applyToExisting` as above. For the default class its assignment is
     * deleted. Throws `not_found`.
     */
    assign: (q: { service: string; class: string } & Reach): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        await raise(transaction)
        const { id } = await classNamed(transaction, q.class)
        if (q.class === DEFAULT_CLASS)
          await transaction.deleteFrom('retention_assignment').where('service', '=', q.service).execute()
        else
          await transaction
            .insertInto('retention_assignment')
            .values({ service: q.service, class: id })
            .onConflict((conflict) => conflict.column('service').doUpdateSet({ class: id }))
            .execute()
        if (q.applyToExisting) await forgetDecisions(transaction)
      }),

    /** The indexed records from `start` (included) to `end` (not) that have content. */
    undecided: (start: number, end: number): Promise<UndecidedRow[]> =>
      // What is left out is not looked at again, so it must not have been erased by what a crash takes back.
      readDurably(kysely, (within) =>
        within
          .selectFrom('search')
          .leftJoin('erasure', 'erasure.idx', 'search.idx')
          .select(['search.idx', 'search.time', 'search.service', 'search.keep_days as keepDays'])
          .where('search.idx', '>=', start)
          .where('search.idx', '<', end)
          .where('erasure.idx', 'is', null)
          .orderBy('search.idx')
          .execute(),
      ),

    /**
     * In one transaction: stores when contents of the records from `from` (included) to `upTo` (not) end, and
     * that it is decided. Records that are held or archived keep their `stopped_by`. Stores nothing when a
     * class was changed or a hold set since the mark `holds` was `number`, or another node has decided
     * meanwhile: all is decided again then.
     */
    decide: (rows: EndRow[], q: { from: number; upTo: number; number: number }): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        // This row lock comes first: changes of classes wait for this commit, or are seen here.
        const unchanged = transaction
          .updateTable('mark')
          .set((change) => ({ value: change('value', '+', 0) }))
          .where('name', '=', HOLDS)
          .where('value', '=', q.number)
        if ((await unchanged.executeTakeFirst()).numUpdatedRows === 0n) return
        await transaction
          .insertInto('mark')
          .values({ name: MARK, value: 0 })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute()
        const move = transaction.updateTable('mark').set({ value: q.upTo }).where('name', '=', MARK)
        if ((await move.where('value', '=', q.from).executeTakeFirst()).numUpdatedRows === 0n) return
        for (let at = 0; at < rows.length; at += PART) {
          const some = rows.slice(at, at + PART)
          const values = some.flatMap((row) => [
            ...[row.idx, row.class, row.ends, row.stoppedBy, row.atEnd, row.archiveMode],
          ])
          await transaction.executeQuery(CompiledQuery.raw(decided(some.length), values))
        }
      }),

    /** Records whose content is due to end, the longest due first. `stoppedBy`: 0 or AWAITS_ARCHIVE. */
    due: async (q: { now: string; stoppedBy: number; limit: number }): Promise<DueRow[]> =>
      (await kysely
        .selectFrom('retention')
        .select(['idx', 'class', 'ends', 'archive', 'at_end as atEnd', 'archive_mode as archiveMode'])
        .where('stopped_by', '=', q.stoppedBy)
        .where('ends', '<=', q.now)
        .where('idx', '<', decidedUpTo())
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
        .select((of) => [
          ...(['retention.idx', 'retention.archive'] as const),
          of.fn.coalesce('retention.archive_mode', 'retention_class.archive').as('mode'),
        ])
        .where('stopped_by', '>', 0)
        .where('stopped_by', 'in', lifted)
        .limit(limit)
        .execute()
      const awaiting = rows.filter(({ archive, mode }) => archive === null && mode !== 'NONE')
      await stop(indexesOf(awaiting), AWAITS_ARCHIVE)
      await stop(indexesOf(rows.filter((row) => !awaiting.includes(row))), 0)
      return rows.length
    },

    /**
     * The numbers of due and of held contents, each counted up to COUNTED, and when the next content ends.
     */
    counts: async (now: string): Promise<{ due: number; held: number; nextEnd: string | null }> => {
      const next = await kysely
        .selectFrom('retention')
        .select('ends')
        .where('stopped_by', '<=', 0)
        .where('ends', 'is not', null)
        .where('idx', '<', decidedUpTo())
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

/** Erasures and decisions that have read what was before wait for this transaction, and are refused then. */
async function raise(transaction: Kysely<RetentionTables>): Promise<void> {
  await transaction
    .updateTable('mark')
    .set((change) => ({ value: change('value', '+', 1) }))
    .where('name', '=', HOLDS)
    .execute()
}

async function forgetDecisions(transaction: Kysely<RetentionTables>): Promise<void> {
  await transaction.updateTable('mark').set({ value: 0 }).where('name', '=', MARK).execute()
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

const COLUMNS = ['idx', 'class', 'ends', 'stopped_by', 'at_end', 'archive_mode']

/**
 * The statement for a number of rows. Each text is made once, because prepared statements are cached by their
 * text.
 */
function decidedOf(dialect: Database['dialect']): (rows: number) => string {
  const texts = new Map<number, string>()
  return (rows) => {
    let at = 0
    const place = (): string => (dialect === 'sqlite' ? '?' : `$${++at}`)
    const row = (): string => `(${COLUMNS.map(place).join(', ')})`
    const text =
      texts.get(rows) ??
      `insert into retention (${COLUMNS.join(', ')}) values ${Array.from({ length: rows }, row).join(', ')}
      on conflict (idx) do update set class = excluded.class, ends = excluded.ends, at_end = excluded.at_end,
        archive_mode = excluded.archive_mode, stopped_by = case
        when retention.stopped_by > 0 or retention.archive is not null then retention.stopped_by
        else excluded.stopped_by end`
    texts.set(rows, text)
    return text
  }
}
