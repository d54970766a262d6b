/**
 * node:sqlite with the interface that Kysely's SQLite driver expects. Statements are prepared once. Committed
 * data survives a power cut (WAL with synchronous=FULL). What is deleted is overwritten; its copies in the
 * write-ahead log go with the next pages that are written there, at the latest when the database is closed.
 */
import { closeSync, openSync } from 'node:fs'
import path from 'node:path'
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { DatabaseSync } from 'node:sqlite'
import type { SqliteDatabase, SqliteStatement } from 'kysely'
import { Fault } from '#schemas/fault.ts'

const MAX_STATEMENTS = 256
const BUSY_MS = 2000

// Primary result codes that blame the store, not the statement: LOCKED, BUSY, NOMEM, READONLY, IOERR,
// CORRUPT, FULL, CANTOPEN, NOTADB.
const STORE_FAILED: ReadonlySet<number> = new Set([5, 6, 7, 8, 10, 11, 13, 14, 26])

/**
 * Opens the file (created with mode 0600 if missing; its folder must exist) or ':memory:'. Throws
 * `database_error`.
 */
export function openSqlite(file: string): SqliteDatabase {
  try {
    if (file !== ':memory:') {
      if (!path.isAbsolute(file))
        throw new Fault('database_error', { what: `${file} is not an absolute path` })
      closeSync(openSync(file, 'a', 0o600))
    }
    const database = new DatabaseSync(file, { timeout: BUSY_MS })
    database.exec('pragma journal_mode = WAL; pragma synchronous = FULL; pragma foreign_keys = ON')
    // From the first row on: pages that are split or free would otherwise keep copies of rows that are
    // deleted later.
    database.exec('pragma secure_delete = ON')
    return shim(database)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('database_error', { what: `${file} cannot be opened`, cause })
  }
}

function shim(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()
  return {
    close: () => {
      if (database.isOpen) database.close()
    },
    prepare: (sql) => {
      const known = statements.get(sql)
      if (known !== undefined) return known
      // A deferred transaction that reads first and writes later would fail at once if another process wrote
      // meanwhile.
      const statement = guarded(() => wrap(database.prepare(sql === 'begin' ? 'begin immediate' : sql)))
      if (statements.size >= MAX_STATEMENTS) statements.delete(statements.keys().next().value as string)
      if (/^\s*(create|alter|drop)/i.test(sql)) statements.clear()
      else statements.set(sql, statement)
      return statement
    },
  }
}

function wrap(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => guarded(() => statement.all(...(parameters as SQLInputValue[])).map(plainRow)),
    run: (parameters) => guarded(() => statement.run(...(parameters as SQLInputValue[]))),
    iterate: (parameters) => iterate(statement, parameters as SQLInputValue[]),
  }
}

function* iterate(statement: StatementSync, parameters: SQLInputValue[]): IterableIterator<unknown> {
  for (const row of statement.iterate(...parameters)) yield plainRow(row)
}

/** Rows in the form of pg: plain objects whose blobs are Buffers. */
function plainRow(row: Record<string, unknown>): Record<string, unknown> {
  const plain: Record<string, unknown> = {}
  for (const name in row) {
    const value = row[name]
    plain[name] =
      value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value
  }
  return plain
}

function guarded<T>(act: () => T): T {
  try {
    return act()
  } catch (cause) {
    const code = (cause as { errcode?: number }).errcode
    if (code !== undefined && STORE_FAILED.has(code & 0xff)) throw new Fault('database_error', { cause })
    throw cause
  }
}
