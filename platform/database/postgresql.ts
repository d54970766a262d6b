/**
 * A pool of pg connections with the interface that Kysely's driver expects. Statements are prepared once per
 * connection. A connection in an unknown state (time-out, broken socket) is never used again.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { mayWait } from '#platform/process/while-starting.ts'
import { againIfStoodStill } from '#platform/stood-still.ts'
import { Fault } from '#schemas/fault.ts'
import { takeLimit } from './url-limit.ts'

const CONNECTIONS = 10
const MAX_NAMED = 256
/**
 * A process that stands still within a transaction, or whose machine is gone, keeps its locks no longer than
 * this. No transaction waits so long for anything but its own statements, whose time has bounds of its own: a
 * long migration is never idle.
 */
const IDLE_IN_TRANSACTION_MS = 60_000
/** Between two tries for a connection, while this process starts. */
const PAUSE_MS = 250
const INT8 = 20
const IDLE_IN_TRANSACTION = '25P03'

/**
 * Connects lazily to `postgres://...`; the password may be in a file named by `?passwordFile=`. All waits are
 * bounded: 2 s (or `?connectMs=`) for a connection, tried again by a process that stood still meanwhile; 5 s
 * (or `?statementMs=`) for a statement. While this process starts, a server that is not there yet is waited
 * for. Failures of the store are thrown as `database_error`.
 */
export async function openPostgresql(url: string, q: { connections?: number }): Promise<PostgresPool> {
  const { default: pg } = await import('pg')
  const address = new URL(url)
  const passwordFile = address.searchParams.get('passwordFile')
  if (passwordFile !== null) {
    address.searchParams.delete('passwordFile')
    address.password = encodeURIComponent(await readSecret(passwordFile))
  }
  const statementMs = takeLimit(address, 'statementMs')
  const connectMs = takeLimit(address, 'connectMs')
  const pool = new pg.Pool({
    connectionString: address.href,
    max: q.connections ?? CONNECTIONS,
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    application_name: 'concordat',
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8 ? readInteger : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  })
  // The pool replaces an idle connection that breaks; without a listener the event would end the process.
  pool.on('error', () => undefined)
  const wrapped = new WeakMap<PoolClient, PostgresPoolClient>()
  const names = new Map<string, string>()
  return {
    options: pool.options,
    end: () => pool.end(),
    connect: async () => {
      const client = await connected(pool, connectMs)
      const safe = wrapped.get(client) ?? guard(client, names)
      wrapped.set(client, safe)
      return safe
    },
  }
}

async function connected(pool: Pool, connectMs: number): Promise<PoolClient> {
  for (;;) {
    try {
      return await againIfStoodStill(connectMs, () => pool.connect())
    } catch (cause) {
      if (!mayCome(cause) || !mayWait('the database', cause))
        throw new Fault('database_error', { what: 'no connection', cause })
      await wait(PAUSE_MS)
    }
  }
}

const NOT_YET = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOENT',
]

/**
 * A server that is down, starts, is full or does not answer. What it refuses (a password, a database that is
 * none) it refuses later as well.
 */
function mayCome(cause: unknown): boolean {
  const { code, message } = cause as { code?: unknown; message?: unknown }
  if (typeof code === 'string') return NOT_YET.includes(code) || /^(08|53|57P0)/.test(code)
  return /timeout|terminated/.test(String(message))
}

function guard(client: PoolClient, names: Map<string, string>): PostgresPoolClient {
  let broken = false
  // The pool does not listen to a connection in use, and an error event without a listener ends the process.
  client.on('error', () => {
    broken = true
  })
  const query = async (text: string, values: readonly unknown[]): Promise<unknown> => {
    try {
      const name = nameOf(text, names)
      return await client.query({
        text,
        values: values as unknown[],
        ...(name === undefined ? {} : { name }),
      })
    } catch (cause) {
      if (isStatementError(cause)) throw cause
      // Mainly for a time-out of COMMIT: it is unknown whether it succeeded, so nobody may use the connection
      // again.
      broken = true
      throw new Fault('database_error', { cause })
    }
  }
  return {
    query: query as PostgresPoolClient['query'],
    release: (destroy) => client.release(broken || destroy === true),
  }
}

/** A prepared statement's name; none for `*`, whose plan would break when a newer version adds a column. */
function nameOf(text: string, names: Map<string, string>): string | undefined {
  const known = names.get(text)
  if (known !== undefined) return known
  if (names.size >= MAX_NAMED || text.includes('*') || !text.includes('$1')) return undefined
  const name = `c${names.size}`
  names.set(text, name)
  return name
}

/**
 * SQLSTATE classes about the statement, and a lock that it did not get; others (08, 53, 57, 58, XX) are about
 * the server.
 */
function isStatementError(cause: unknown): boolean {
  const code = (cause as { code?: unknown }).code
  // Of this class too, but the server has ended the session.
  if (code === IDLE_IN_TRANSACTION) return false
  return typeof code === 'string' && /^(0A|2|3|4|55P|P0)[0-9A-Z]+$/.test(code) && code.length === 5
}

function readInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Fault('database_error', { what: 'an integer beyond 2^53' })
  return value
}
