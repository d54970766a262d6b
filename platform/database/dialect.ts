/**
 * The only place where SQL differs between the two stores. Everything else keeps to what both have: text (times in
 * ISO form with milliseconds and Z), integers up to 2^53, blobs; no boolean, json or date columns.
 */
import { createHash } from 'node:crypto'
import type { ColumnBuilderCallback, Kysely, RawBuilder } from 'kysely'
import { PostgresAdapter, sql } from 'kysely'
import { Fault } from '#schemas/fault.ts'

export type DialectName = 'sqlite' | 'postgresql'

/** Which store a Kysely speaks to; migrations, which get nothing else, ask this. */
export function dialectOf<T>(kysely: Kysely<T>): DialectName {
  return kysely.getExecutor().adapter instanceof PostgresAdapter ? 'postgresql' : 'sqlite'
}

/** Column types for migrations. `integer` holds 2^53 on both. */
export function columnTypes<T>(kysely: Kysely<T>): {
  text: 'text'
  integer: 'bigint'
  blob: 'blob' | 'bytea'
} {
  return { text: 'text', integer: 'bigint', blob: dialectOf(kysely) === 'sqlite' ? 'blob' : 'bytea' }
}

/** A primary key that the database numbers, rising, never given twice: `.addColumn('id', ...identity(kysely))`. */
export function identity<T>(kysely: Kysely<T>): ['integer' | 'bigint', ColumnBuilderCallback] {
  if (dialectOf(kysely) === 'sqlite') return ['integer', (column) => column.primaryKey().autoIncrement()]
  return ['bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity()]
}

/** A text column ordered by its bytes, as the embedded store always does: for prefixes, and the indexes that find them. */
export function byteOrder<T>(kysely: Kysely<T>, column: string): RawBuilder<string> {
  const plain = sql<string>`${sql.ref(column)}`
  return dialectOf(kysely) === 'sqlite' ? plain : sql<string>`${plain} collate "C"`
}

/**
 * Within a transaction: waits until no other transaction holds the lock `name`, and holds it to the end of this one.
 * The embedded store needs nothing: its transactions are exclusive from their start.
 */
export async function lockFor<T>(transaction: Kysely<T>, name: string): Promise<void> {
  if (dialectOf(transaction) === 'sqlite') return
  const key = createHash('sha256').update(name).digest().readBigInt64BE(0)
  await sql`select pg_advisory_xact_lock(${key.toString()}::bigint)`.execute(transaction)
}

/** Begins a transaction on this connection that only reads and sees one moment. */
export async function beginSnapshot<T>(connection: Kysely<T>): Promise<void> {
  if (dialectOf(connection) === 'sqlite') await sql`begin deferred transaction`.execute(connection)
  else await sql`begin isolation level repeatable read read only`.execute(connection)
}

type Failure = { code?: unknown; errcode?: unknown } | undefined

/** Whether a statement failed because a primary key or unique index already has this value. */
export function isUniqueViolation(thrown: unknown): boolean {
  const error = (thrown instanceof Fault ? thrown.cause : thrown) as Failure
  // SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY; PostgreSQL unique_violation
  return error?.errcode === 2067 || error?.errcode === 1555 || error?.code === '23505'
}

/** Whether a statement failed because what it refers to is not there, or not any more. */
export function isForeignKeyViolation(thrown: unknown): boolean {
  const error = (thrown instanceof Fault ? thrown.cause : thrown) as Failure
  // SQLITE_CONSTRAINT_FOREIGNKEY; PostgreSQL foreign_key_violation
  return error?.errcode === 787 || error?.code === '23503'
}

/** Whether the same transaction may succeed when it is tried again (serialization failure, deadlock). */
export function isTransient(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown } | undefined)?.code
  return code === '40001' || code === '40P01'
}
