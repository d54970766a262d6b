/**
 * On PostgreSQL, partitions the tables that grow with every record, by index. The existing table becomes the
 * first partition; nothing is copied. Appends wait meanwhile.
 */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { dialectOf } from '#platform/database/dialect.ts'
import { Fault } from '#schemas/fault.ts'
import {
  attachStatement,
  borderAfter,
  PARTITION_RECORDS,
  PARTITIONED,
  PARTITIONED_TABLES,
  type Partitioned,
  partitionName,
  partitionStatements,
} from '../postgresql/partitions.ts'

export const partitions: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    if (dialectOf(kysely) === 'sqlite') return
    // Writers of records wait for this row before they lock anything.
    const heads = await sql<{ size: number }>`select size from tree_head where id = 1 for update`.execute(
      kysely,
    )
    await sql.raw(`lock table ${PARTITIONED_TABLES.join(', ')} in access exclusive mode`).execute(kysely)
    let border = Number(heads.rows[0]?.size ?? 0)
    for (const table of PARTITIONED_TABLES) border = Math.max(border, (await lastOf(kysely, table)) + 1)
    for (const table of PARTITIONED_TABLES) await divide(kysely, table, border)
    if (border > 0) return
    for (const statement of partitionStatements(0, borderAfter(0, PARTITION_RECORDS)))
      await sql.raw(statement).execute(kysely)
  },
}

/**
 * Replaces a table with a partitioned one. The old table becomes the partition below `border`; an empty one
 * is dropped.
 */
async function divide(kysely: Kysely<unknown>, table: Partitioned, border: number): Promise<void> {
  const rows = await countOf(kysely, table)
  const indexes = await indexesOf(kysely, table)
  const old = partitionName(table, 0)
  await sql.raw(`alter table ${table} rename to ${old}`).execute(kysely)
  for (const { name } of indexes)
    await sql.raw(`alter index "${name}" rename to "${name}_from_0"`).execute(kysely)
  const key = PARTITIONED[table]
  await sql
    .raw(
      `create table ${table} (like ${old} including defaults including constraints including storage
        including compression) partition by range (${key})`,
    )
    .execute(kysely)
  for (const { name, definition, constraint } of indexes)
    await sql
      .raw(constraint === null ? definition : `alter table ${table} add constraint "${name}" ${constraint}`)
      .execute(kysely)
  await sql.raw(border === 0 ? `drop table ${old}` : attachStatement(table, 0, border)).execute(kysely)
  const carried = await countOf(kysely, table)
  if (carried !== rows)
    throw new Fault('log_inconsistent', {
      what: `${table} had ${rows} rows and has ${carried} in partitions`,
    })
}

type Index = { name: string; definition: string; constraint: string | null }

/** Indexes to make again, under the same names, because later migrations refer to these. */
async function indexesOf(kysely: Kysely<unknown>, table: Partitioned): Promise<Index[]> {
  const { rows } = await sql<Index>`select class.relname as name, pg_get_indexdef(indexrelid) as definition,
    pg_get_constraintdef(made.oid) as constraint from pg_index join pg_class class on class.oid = indexrelid
    left join pg_constraint made on made.conindid = indexrelid and made.contype in ('p', 'u')
    where indrelid = ${table}::regclass order by class.relname`.execute(kysely)
  return rows
}

async function lastOf(kysely: Kysely<unknown>, table: Partitioned): Promise<number> {
  const { rows } = await sql<{ last: number | null }>`select max(${sql.ref(PARTITIONED[table])}) as last
    from ${sql.table(table)}`.execute(kysely)
  return Number(rows[0]?.last ?? -1)
}

async function countOf(kysely: Kysely<unknown>, table: Partitioned): Promise<number> {
  const { rows } = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(table)}`.execute(
    kysely,
  )
  return Number(rows[0]?.rows)
}
