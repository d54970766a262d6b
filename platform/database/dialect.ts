/**
 * The only module where SQL differs between the two stores. All other code uses only what both support: text
 * (times in ISO form with milliseconds and Z), integers up to 2^53, blobs; no boolean, json or date columns.
 */
import { createHash } from 'node:crypto'
import type { ColumnBuilderCallback, Kysely, RawBuilder } from 'kysely'
import { PostgresAdapter, sql } from 'kysely'
import { Fault } from '#schemas/fault.ts'

export type DialectName = 'sqlite' | 'postgresql'

/** The store behind a Kysely; needed by migrations, which get nothing else. */
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

/**
 * A primary key that the database numbers in ascending order and never reuses:
 * `.addColumn('id', ...identity(kysely))`.
 */
export function identity<T>(kysely: Kysely<T>): ['integer' | 'bigint', ColumnBuilderCallback] {
  if (dialectOf(kysely) === 'sqlite') return ['integer', (column) => column.primaryKey().autoIncrement()]
  return ['bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity()]
}

/**
 * A text column in byte order, as always in the embedded store: for prefixes, and the indexes that find them.
 */
export function byteOrder<T>(kysely: Kysely<T>, column: string): RawBuilder<string> {
  const plain = sql<string>`${sql.ref(column)}`
  return dialectOf(kysely) === 'sqlite' ? plain : sql<string>`${plain} collate "C"`
}

/**
 * In a transaction: waits until no other transaction has the lock `name`, and keeps it until the end of this
 * one. The embedded store needs no lock: its transactions are exclusive from their start.
 */
export async function lockFor<T>(transaction: Kysely<T>, name: string): Promise<void> {
  if (dialectOf(transaction) === 'sqlite') return
  const key = createHash('sha256').update(name).digest().readBigInt64BE(0)
  await sql`select pg_advisory_xact_lock(${key.toString()}::bigint)`.execute(transaction)
}

/**
 * In a transaction: a statement that waits longer than this for what another transaction has locked fails
 * (`isLocked`). The embedded store needs no bound: its transactions are exclusive from their start.
 */
export async function boundLockWaits<T>(transaction: Kysely<T>, ms: number): Promise<void> {
  if (dialectOf(transaction) === 'sqlite') return
  await sql`select set_config('lock_timeout', ${`${ms}ms`}, true)`.execute(transaction)
}

/**
 * The time by the clock of the database's machine (ms): one clock for all nodes. The embedded store has this
 * machine's.
 */
export async function databaseTime<T>(kysely: Kysely<T>): Promise<number> {
  if (dialectOf(kysely) === 'sqlite') return Date.now()
  const { rows } = await sql<{ ms: number }>`
    select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as ms`.execute(kysely)
  return Number(rows[0]!.ms)
}

/** Whether the database has this table, where our tables are. */
export async function hasTable<T>(kysely: Kysely<T>, name: string): Promise<boolean> {
  const query =
    dialectOf(kysely) === 'sqlite'
      ? sql<{ name: string | null }>`select name from sqlite_master where type = 'table' and name = ${name}`
      : sql<{ name: string | null }>`select to_regclass(${name})::text as name`
  const { rows } = await query.execute(kysely)
  return typeof rows[0]?.name === 'string'
}

/** Begins a read-only transaction on this connection that sees the database as of one moment. */
export async function beginSnapshot<T>(connection: Kysely<T>): Promise<void> {
  if (dialectOf(connection) === 'sqlite') await sql`begin deferred transaction`.execute(connection)
  else {
    await sql`begin isolation level repeatable read read only`.execute(connection)
    // Nobody waits for it, and what is made of its rows may take long. An hour, since vacuum waits.
    await sql`set local idle_in_transaction_session_timeout = '1h'`.execute(connection)
  }
}

/**
 * In a transaction on PostgreSQL that only reads: its commit syncs the write-ahead log as that of a writer
 * does, and waits for synchronous standbys. So whatever was committed before this statement is durable with
 * it.
 */
export async function syncAtCommit<T>(transaction: Kysely<T>): Promise<void> {
  // What a standby shows its primary has synced.
  await sql.raw(`${SYNC_AT_COMMIT} where not pg_is_in_recovery()`).execute(transaction)
}

/** A message in the write-ahead log that nobody reads: without anything to write, a commit syncs nothing. */
export const SYNC_AT_COMMIT = "select pg_logical_emit_message(true, 'concordat', ''::text)"

type Failure = { code?: unknown; errcode?: unknown } | undefined

/** Whether a statement failed because a primary key or unique index already has this value. */
export function isUniqueViolation(thrown: unknown): boolean {
  const error = (thrown instanceof Fault ? thrown.cause : thrown) as Failure
  // SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY; PostgreSQL unique_violation
  return error?.errcode === 2067 || error?.errcode === 1555 || error?.code === '23505'
}

/** Whether a statement failed because the row that it refers to does not exist, or no longer exists. */
export function isForeignKeyViolation(thrown: unknown): boolean {
  const error = (thrown instanceof Fault ? thrown.cause : thrown) as Failure
  // SQLITE_CONSTRAINT_FOREIGNKEY; PostgreSQL foreign_key_violation
  return error?.errcode === 787 || error?.code === '23503'
}

/** Whether a statement waited in vain for what another transaction has locked. */
export function isLocked(thrown: unknown): boolean {
  return (thrown as { code?: unknown } | undefined)?.code === '55P03'
}

/** Whether the same transaction may succeed when it is repeated (serialization failure, deadlock). */
export function isTransient(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown } | undefined)?.code
  return code === '40001' || code === '40P01'
}
