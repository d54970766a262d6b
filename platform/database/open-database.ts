/** Opens both stores with the same queries and migrations: the embedded one by file, PostgreSQL by URL. */
import { Kysely, PostgresDialect, SqliteDialect, sql } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import type { DialectName } from './dialect.ts'
import { beginSnapshot, dialectOf, isTransient, syncAtCommit } from './dialect.ts'
import { openPostgresql } from './postgresql.ts'
import { openSqlite } from './sqlite.ts'

export type Database = { kysely: Kysely<unknown>; dialect: DialectName; close(): Promise<void> }

/** A transaction in which another module may take part, through its own tables (`tablesOf`). */
export type Within = Pick<Kysely<unknown>, 'isTransaction'>

const ATTEMPTS = 4

/**
 * Opens `sqlite:/absolute/path.db`, `sqlite::memory:` or `postgres://user@host/name`. `connections` is the
 * most that PostgreSQL gives at a time, 10 when absent. Throws `database_error`.
 */
export async function openDatabase(url: string, q: { connections?: number } = {}): Promise<Database> {
  if (url.startsWith('sqlite:')) {
    const file = openSqlite(url.slice('sqlite:'.length))
    const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: file }) })
    const close = async () => {
      await kysely.destroy()
      // Kysely closes only connections that it has used.
      file.close()
    }
    return { kysely, dialect: 'sqlite', close }
  }
  if (/^postgres(ql)?:/.test(url)) {
    const kysely = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: await openPostgresql(url, q) }),
    })
    return { kysely, dialect: 'postgresql', close: () => kysely.destroy() }
  }
  throw new Fault('invalid_configuration', { what: 'a database is sqlite:/path or postgres://...' })
}

/** The same database typed with a store's own tables: the only cast that a store.ts makes. */
export function tablesOf<T>({ kysely }: { kysely: Within }): Kysely<T> {
  return kysely as Kysely<T>
}

/**
 * Runs `act` in one transaction and returns its result; an exception rolls back. Deadlocks between nodes lead
 * to another try, so `act` must have no effect except its statements, all through the given `transaction`: on
 * the embedded store any other query would wait for the transaction to end.
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
 * What `act` reads, once it is durable. Without this a reader may see commits that others have not synced
 * yet, where they commit before they sync (`synchronous_commit = off`): a crash of the database takes these
 * back. The embedded store has one writer, which syncs first.
 */
export async function readDurably<T, R>(
  kysely: Kysely<T>,
  act: (within: Kysely<T>) => Promise<R>,
): Promise<R> {
  if (dialectOf(kysely) === 'sqlite') return act(kysely)
  // One connection to the end: a session does not outlive a crash.
  return kysely.transaction().execute(async (within) => {
    const found = await act(within)
    await syncAtCommit(within)
    return found
  })
}

/**
 * Runs `act`, which may only read, on the database as of one moment. It does not block writers. On the
 * embedded store other queries through the same Kysely wait for it.
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
 * The database as of one moment, at the latest of the first read, on its own connection until it is closed;
 * what it shows is durable. It does not block writers. But while it is open, neither store can free replaced
 * data: vacuum keeps it, and the write-ahead log of the embedded store grows.
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
    const kysely = await opened.promise
    await sql`select 1`.execute(kysely)
    // On another connection, since a snapshot cannot write. If the database crashed before this, the
    // snapshot's one has ended.
    if (database.dialect === 'postgresql') await readDurably(database.kysely, async () => undefined)
    return { kysely, dialect: database.dialect, close }
  } catch (fault) {
    closing.resolve()
    await database.close()
    throw fault
  }
}
