/**
 * Which migrations an older version may live with. So nodes of two versions can use one database while they
 * are replaced one after the other, and a step back needs no backup.
 */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { hasTable } from './dialect.ts'

/**
 * A change of the schema. With `olderVersionsGoOn`, a version that does not know it may go on reading and
 * writing the database: it only adds tables, indexes, or columns with a default, and nothing that was written
 * before means something else now.
 */
export type SchemaChange = Migration & { olderVersionsGoOn?: true }

const MARKS = 'migration_for_older_versions'

/** The table of these marks, which each version makes for itself. */
export const isMarksTable = (name: string): boolean => name === MARKS

/**
 * The same migrations; those that older versions may live with leave a mark, in the transaction that runs
 * them.
 */
export function leavingMarks(migrations: Record<string, SchemaChange>): Record<string, Migration> {
  return Object.fromEntries(
    Object.entries(migrations).map(([name, migration]) => [
      name,
      migration.olderVersionsGoOn === true
        ? { up: (kysely) => runMarked(kysely, name, migration) }
        : migration,
    ]),
  )
}

async function runMarked(kysely: Kysely<unknown>, name: string, migration: Migration): Promise<void> {
  await migration.up(kysely)
  await sql`create table if not exists ${sql.table(MARKS)} (name text primary key)`.execute(kysely)
  await sql`insert into ${sql.table(MARKS)} (name) values (${name})`.execute(kysely)
}

/**
 * The migrations of newer versions that this one may live with, as migrations that do nothing. They have been
 * run.
 */
export async function ofNewerVersions(
  kysely: Kysely<unknown>,
  known: Record<string, Migration>,
): Promise<Record<string, Migration>> {
  if (!(await hasMarks(kysely))) return {}
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(MARKS)}`.execute(kysely)
  const unknown = rows.filter(({ name }) => known[name] === undefined)
  return Object.fromEntries(unknown.map(({ name }) => [name, { up: async () => {} }]))
}

/**
 * From now on versions that do not know this migration refuse the database: what it made room for is in use.
 * Before that, once, `beforeOlderOnesEnd` may refuse it.
 */
export async function endForOlderVersions(
  kysely: Kysely<unknown>,
  name: string,
  beforeOlderOnesEnd: () => Promise<void> | void,
): Promise<void> {
  if (!(await hasMarks(kysely))) return
  const { rows } = await sql`select name from ${sql.table(MARKS)} where name = ${name}`.execute(kysely)
  if (rows.length === 0) return
  await beforeOlderOnesEnd()
  await sql`delete from ${sql.table(MARKS)} where name = ${name}`.execute(kysely)
}

function hasMarks(kysely: Kysely<unknown>): Promise<boolean> {
  return hasTable(kysely, MARKS)
}
