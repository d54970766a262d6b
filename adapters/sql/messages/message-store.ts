/**
 * One session that may write, on any of the three databases. Guarantees that a transaction is whole or
 * nothing, and that a session of which that is not known is never used again.
 */
import { readSecret } from '#platform/configuration/read-secret.ts'
import { readPem } from '#platform/http-service/listener-tls.ts'
import { Fault } from '#schemas/fault.ts'
import type { DatabaseSettings } from '../settings.ts'
import type { Statement } from '../source.ts'

type Run = (statement: Statement) => Promise<unknown[][]>

export type MessageStore = {
  /** Runs `act` in a transaction, one after the other. Throws `source_unavailable`, `source_failed`. */
  inTransaction<T>(act: (run: Run) => Promise<T>): Promise<T>
  close(): Promise<void>
}

type Session = { run: Run; end(): Promise<void> | void }
type Open = (database: DatabaseSettings, queryMs: number) => Promise<Session>

const CONNECT_MS = 2000

export function openMessageStore(database: DatabaseSettings, queryMs: number): MessageStore {
  let session: Session | undefined
  let last: Promise<unknown> = Promise.resolve()
  const opened = (): Promise<Session> =>
    OPEN[database.kind](database, queryMs).catch((cause: unknown) => {
      throw new Fault('source_unavailable', { cause: coded(cause) })
    })
  const inTransaction = async <T>(act: (run: Run) => Promise<T>): Promise<T> => {
    const own = session ?? (await opened())
    session = own
    const control = (text: string): Promise<unknown> => own.run({ text, values: [] })
    try {
      await control('begin')
      const result = await act(own.run)
      await control('commit')
      return result
    } catch (thrown) {
      // Whatever it was, the next transaction has a session of its own.
      session = undefined
      await Promise.resolve(own.end()).catch(() => undefined)
      if (thrown instanceof Fault) throw thrown
      throw new Fault('source_failed', { what: coded(thrown).message, cause: coded(thrown) })
    }
  }
  return {
    inTransaction(act) {
      const result = last.then(() => inTransaction(act))
      last = result.catch(() => undefined)
      return result
    },
    async close() {
      await last
      await session?.end()
    },
  }
}

const OPEN: Record<DatabaseSettings['kind'], Open> = {
  async sqlite({ file = '' }, queryMs) {
    const { DatabaseSync } = await import('node:sqlite')
    const { statSync } = await import('node:fs')
    // It would make an empty one.
    statSync(file)
    const database = new DatabaseSync(file, { timeout: Math.min(queryMs, CONNECT_MS) })
    return {
      run: async ({ text, values }) => {
        const statement = database.prepare(text === 'begin' ? 'begin immediate' : text)
        statement.setReadBigInts(true)
        return statement.all(...values).map((row) => Object.values(row))
      },
      end: () => database.close(),
    }
  },
  async postgresql({ host, port, name, user, passwordFile, authorityFile }, queryMs) {
    const { default: pg } = await import('pg')
    const client = new pg.Client({
      ...{ host, port, database: name, user },
      password: passwordFile === undefined ? undefined : await readSecret(passwordFile),
      ...(authorityFile !== undefined && {
        ssl: { ca: await readPem(authorityFile), minVersion: 'TLSv1.2' },
      }),
      ...{ connectionTimeoutMillis: CONNECT_MS, query_timeout: queryMs + 1000, statement_timeout: queryMs },
      ...{
        application_name: 'concordat sql messages',
        types: { getTypeParser: () => (text: string) => text } as never,
      },
    })
    client.on('error', () => undefined)
    await client.connect()
    return {
      run: async ({ text, values }) =>
        (await client.query<unknown[]>({ text, values, rowMode: 'array' })).rows,
      end: () => client.end(),
    }
  },
  async mariadb({ host = '', port, name, user, passwordFile, authorityFile }, queryMs) {
    const { createConnection } = await import('mysql2/promise')
    const connection = await createConnection({
      ...(host.startsWith('/') ? { socketPath: host } : { host, port: port ?? 3306 }),
      ...(name !== undefined && { database: name }),
      ...(user !== undefined && { user }),
      ...(passwordFile !== undefined && { password: await readSecret(passwordFile) }),
      ...(authorityFile !== undefined && {
        ssl: {
          ca: await readPem(authorityFile),
          minVersion: 'TLSv1.2',
          rejectUnauthorized: true,
          verifyIdentity: true,
        },
      }),
      ...{
        connectTimeout: CONNECT_MS,
        charset: 'utf8mb4',
        multipleStatements: false,
        flags: ['-LOCAL_FILES'],
      },
      ...{
        dateStrings: true,
        supportBigNumbers: true,
        bigNumberStrings: true,
        jsonStrings: true,
        rowsAsArray: true,
      },
    })
    connection.on('error', () => undefined)
    return {
      run: async ({ text, values }) => {
        // The protocol of prepared statements has no transactions.
        const q = { sql: text, values: values as (string | number | null)[], timeout: queryMs + 1000 }
        const [rows] = values.length === 0 ? await connection.query(q) : await connection.execute(q)
        return Array.isArray(rows) ? (rows as unknown[][]) : []
      },
      end: () => connection.destroy(),
    }
  },
}

/** Without its text, which quotes values. */
function coded(cause: unknown): Error {
  const { code, errno, errcode } = cause as { code?: unknown; errno?: unknown; errcode?: unknown }
  return new Error(
    `the database refuses (${[code, errno, errcode].filter((one) => one !== undefined).join(', ')})`,
  )
}
