/**
 * The differences between the two stores in describing and reading whole tables: names, references,
 * numbering.
 */
import { type Kysely, sql } from 'kysely'
import { dialectOf } from './dialect.ts'
import { isMarksTable } from './older-versions.ts'

/** `numbered` is the column that the database numbers automatically. */
type TableFacts = { name: string; columns: string[]; numbered: string | undefined }

/** All tables except those that record the migrations. */
export async function tablesIn(kysely: Kysely<unknown>): Promise<TableFacts[]> {
  const own = dialectOf(kysely) === 'sqlite' ? undefined : await currentSchema(kysely)
  const tables = await kysely.introspection.getTables()
  return tables
    .filter(
      ({ schema, isView, name }) => !isView && (own === undefined || schema === own) && !isInternal(name),
    )
    .map(({ name, columns }) => ({
      name,
      columns: columns.map((column) => column.name),
      numbered: columns.find((column) => column.isAutoIncrementing)?.name,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The names of the migrations that were run. */
export async function migrationsIn(kysely: Kysely<unknown>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(
    kysely,
  )
  return rows.map(({ name }) => name)
}

/** Which table refers to which. */
export async function foreignKeys(kysely: Kysely<unknown>): Promise<{ from: string; to: string }[]> {
  const query =
    dialectOf(kysely) === 'sqlite'
      ? sql<{ from: string; to: string }>`
          select m.name as "from", f."table" as "to"
          from sqlite_master m, pragma_foreign_key_list(m.name) f where m.type = 'table'`
      : sql<{ from: string; to: string }>`
          select a.relname as "from", b.relname as "to" from pg_constraint c
          join pg_class a on a.oid = c.conrelid join pg_class b on b.oid = c.confrelid
          where c.contype = 'f' and a.relnamespace = current_schema()::regnamespace`
  return (await query.execute(kysely)).rows.filter(({ from, to }) => from !== to)
}

/** The rows of a table page by page. The transaction of `snapshot` keeps the pages consistent. */
export async function* readInPages(
  snapshot: Kysely<unknown>,
  table: string,
  columns: string[],
  size: number,
): AsyncGenerator<Record<string, unknown>[]> {
  const wanted = sql.join(columns.map((column) => sql.ref(column)))
  if (dialectOf(snapshot) === 'postgresql') {
    const name = sql.id(`dump_of_${table}`)
    await sql`declare ${name} no scroll cursor for select ${wanted} from ${sql.table(table)}`.execute(
      snapshot,
    )
    for (;;) {
      const fetched = sql<Record<string, unknown>>`fetch ${sql.lit(size)} from ${name}`
      const { rows } = await fetched.execute(snapshot)
      if (rows.length === 0) break
      yield rows
    }
    await sql`close ${name}`.execute(snapshot)
    return
  }
  let after = 0
  for (;;) {
    const { rows } = await sql<Record<string, unknown> & { dumped_rowid: number }>`
      select rowid as dumped_rowid, ${wanted} from ${sql.table(table)}
      where rowid > ${after} order by rowid limit ${size}`.execute(snapshot)
    if (rows.length === 0) return
    after = rows.at(-1)!.dumped_rowid
    yield rows
  }
}

/** The last number that a table's numbering assigned; 0 for none. */
export async function readSequence(kysely: Kysely<unknown>, table: string, column: string): Promise<number> {
  if (dialectOf(kysely) === 'sqlite') {
    const { rows } = await sql<{
      seq: number
    }>`select seq from sqlite_sequence where name = ${table}`.execute(kysely)
    return rows[0]?.seq ?? 0
  }
  const { rows } = await sql<{ last: number | null }>`
    select pg_sequence_last_value(pg_get_serial_sequence(${table}, ${column})::regclass) as last`.execute(
    kysely,
  )
  return rows[0]?.last ?? 0
}

/** Makes a table's numbering continue after `last`. */
export async function setSequence(
  kysely: Kysely<unknown>,
  table: string,
  column: string,
  last: number,
): Promise<void> {
  if (dialectOf(kysely) === 'sqlite') {
    await sql`delete from sqlite_sequence where name = ${table}`.execute(kysely)
    await sql`insert into sqlite_sequence (name, seq) values (${table}, ${last})`.execute(kysely)
    return
  }
  await sql`select setval(pg_get_serial_sequence(${table}, ${column})::regclass, ${Math.max(1, last)}, ${last > 0})`.execute(
    kysely,
  )
}

/**
 * Begins loading within a transaction; where the store can, references are checked at the end of the
 * transaction.
 */
export async function beginLoading(transaction: Kysely<unknown>): Promise<void> {
  if (dialectOf(transaction) === 'sqlite') await sql`pragma defer_foreign_keys = on`.execute(transaction)
}

async function currentSchema(kysely: Kysely<unknown>): Promise<string> {
  const { rows } = await sql<{ name: string }>`select current_schema() as name`.execute(kysely)
  return rows[0]!.name
}

/** What records the migrations: Kysely's own tables, and ours. */
function isInternal(name: string): boolean {
  return name.startsWith('kysely_') || isMarksTable(name)
}
