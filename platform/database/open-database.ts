/** One door to both stores: the embedded one by file, PostgreSQL by URL, with the same queries and migrations. */
import { Kysely, PostgresDialect, SqliteDialect, sql } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import type { DialectName } from './dialect.ts'
import { beginSnapshot, isTransient } from './dialect.ts'
import { openPostgresql } from './postgresql.ts'
import { openSqlite } from './sqlite.ts'

export type Database = { kysely: Kysely<unknown>; dialect: DialectName; close(): Promise<void> }

/** A transaction in which another room may take part, through its own tables (`tablesOf`). */
export type Within = Pick<Kysely<unknown>, 'isTransaction'>

const ATTEMPTS = 4

/** Opens `sqlite:/absolute/path.db`, `sqlite::memory:` or `postgres://user@host/name`. Throws `database_error`. */
export async function openDatabase(url: string): Promise<Database> {
  if (url.startsWith('sqlite:')) {
    const file = openSqlite(url.slice('sqlite:'.length))
    const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: file }) })
    const close = async () => {
      await kysely.destroy()
      // Kysely closes only what it has used.
      file.close()
    }
    return { kysely, dialect: 'sqlite', close }
  }
  if (/^postgres(ql)?:/.test(url)) {
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: await openPostgresql(url) }) })
    return { kysely, dialect: 'postgresql', close: () => kysely.destroy() }
  }
  throw new Fault('invalid_configuration', { what: 'a database is sqlite:/path or postgres://...' })
}

/** The same database with a store's own tables: the one cast that each store.ts makes. */
export function tablesOf<T>({ kysely }: { kysely: Within }): Kysely<T> {
  return kysely as Kysely<T>
}

/**
 * Runs `act` in one transaction and returns what it returns; a throw rolls back. Deadlocks between nodes are tried
 * again, so `act` must have no effect but its statements, all through the `transaction` it is given: on the embedded
 * store any other query would wait for this one to end.
 */
export async function inTransaction<T, R>(
  kysely: Kysely<T>,
  act: (transaction: Kysely<T>) => Promise<R>,
): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await kysely.transaction().execute(act)
    } catch (thrown) {
      if (attempt === ATTEMPTS || !isTransient(thrown)) throw thrown
    }
  }
}

/**
 * Runs `act`, which only reads, on the database as it is at one moment. Nobody who writes waits for it; on the embedded store
 * other queries through the same Kysely do.
 */
export async function inSnapshot<T, R>(
  kysely: Kysely<T>,
  act: (snapshot: Kysely<T>) => Promise<R>,
): Promise<R> {
  return await kysely.connection().execute(async (connection) => {
    await beginSnapshot(connection)
    try {
      return await act(connection)
    } finally {
      await sql`rollback`.execute(connection)
    }
  })
}

/**
 * The database as it is when it is first read, on one connection, until it is closed. Nobody who writes waits for it; meanwhile
 * neither store lets go of what it replaces: vacuum leaves it, and the write-ahead log of the embedded store grows.
 */
export async function openSnapshot(url: string): Promise<Database> {
  const database = await openDatabase(url)
  const opened = Promise.withResolvers<Kysely<unknown>>()
  const closing = Promise.withResolvers<void>()
  const reading = inSnapshot(database.kysely, (snapshot) => {
    opened.resolve(snapshot)
    return closing.promise
  }).catch(opened.reject)
  const close = async (): Promise<void> => {
    closing.resolve()
    await reading
    await database.close()
  }
  try {
    return { kysely: await opened.promise, dialect: database.dialect, close }
  } catch (fault) {
    await database.close()
    throw fault
  }
}
