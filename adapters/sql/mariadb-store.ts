/**
 * Reads a MariaDB or MySQL database over connections that cannot write: every session is read-only and every
 * statement has a time limit, on the server and here. A connection in an unknown state is never used again.
 */
import type { Pool, PoolConnection, RowDataPacket } from 'mysql2/promise'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { readPem } from '#platform/http-service/listener-tls.ts'
import { againIfStoodStill } from '#platform/stood-still.ts'
import { Fault } from '#schemas/fault.ts'
import type { DatabaseSettings, LimitSettings } from './settings.ts'
import type { ColumnKind, Columns, Database, Statement } from './source.ts'

const CONNECT_MS = 2000
/** The server ends a statement first, which keeps the connection; a server that is frozen does not. */
const GRACE_MS = 1000
const MAX_PREPARED = 128
/** Statement time-out of MariaDB, of MySQL, interrupted query. */
const TIMED_OUT = new Set([1969, 3024, 1317])
/** A value that a column's type does not know: out of range, wrong date or number. */
const VALUE_REFUSED = new Set([1264, 1292, 1366, 1411, 1525, 1690, 3854])
/** The server is going down, or refuses us. */
const SERVER_SAYS_NO = new Set([
  1040, 1044, 1045, 1053, 1129, 1130, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1927, 4031,
])

export async function openMariadb(database: DatabaseSettings, limits: LimitSettings): Promise<Database> {
  const { createPool } = await import('mysql2/promise')
  const { host = '', port, name, user, passwordFile, authorityFile } = database
  const pool = createPool({
    ...(host.startsWith('/') ? { socketPath: host } : { host, port: port ?? 3306 }),
    ...(name === undefined ? {} : { database: name }),
    ...(user === undefined ? {} : { user }),
    ...(passwordFile === undefined ? {} : { password: await readSecret(passwordFile) }),
    ...(authorityFile === undefined
      ? {}
      : {
          ssl: {
            ca: await readPem(authorityFile),
            minVersion: 'TLSv1.2',
            rejectUnauthorized: true,
            verifyIdentity: true,
          },
        }),
    connectionLimit: limits.connections,
    maxIdle: limits.connections,
    connectTimeout: CONNECT_MS,
    maxPreparedStatements: MAX_PREPARED,
    charset: 'utf8mb4',
    multipleStatements: false,
    flags: ['-LOCAL_FILES'],
    // Every value as the server writes it: field-types.ts alone decides what it means.
    ...{ dateStrings: true, supportBigNumbers: true, bigNumberStrings: true, jsonStrings: true },
    rowsAsArray: true,
    enableKeepAlive: true,
  })
  const ready = new WeakSet<object>()
  const run = async ({ text, values }: Statement, isOfMapping = false) => {
    const connection = await connect(pool)
    try {
      if (!ready.has(connection.connection)) {
        await prepareSession(connection, limits.queryMs)
        ready.add(connection.connection)
      }
      const [rows, fields] = await connection.execute<RowDataPacket[][]>({
        sql: text,
        values: values as (string | number | null)[],
        timeout: limits.queryMs + GRACE_MS,
      })
      connection.release()
      return { rows: rows as unknown[][], fields }
    } catch (cause) {
      if (isAboutTheStatement(cause)) connection.release()
      else connection.destroy()
      throw faultOf(cause, isOfMapping)
    }
  }
  return {
    columnsOfTable: async (table, schema) => {
      const { rows } = await run({ text: CATALOGUE, values: [schema ?? null, table] })
      return rows.length === 0 ? undefined : columns(rows)
    },
    columnsOfQuery: async (statement) => {
      const { fields } = await run(statement, true)
      return new Map(fields.map((one) => [one.name, CODES[one.columnType ?? -1] ?? 'other']))
    },
    query: async (statement) => (await run(statement)).rows,
    close: () => pool.end(),
  }
}

const CATALOGUE = `select column_name, data_type from information_schema.columns
  where table_schema = coalesce(?, database()) and table_name = ?`

async function connect(pool: Pool): Promise<PoolConnection> {
  // A connection may be waited for before it is made, and be refused then.
  const isLimit = (thrown: unknown): boolean => (thrown as { code?: unknown }).code === 'ETIMEDOUT'
  return againIfStoodStill(CONNECT_MS, () => pool.getConnection(), isLimit).catch((cause: unknown) => {
    throw new Fault('source_unavailable', { cause: coded(cause) })
  })
}

/** The modes are set, not left to the server: placeholders.ts reads strings as these modes do. */
async function prepareSession(connection: PoolConnection, queryMs: number): Promise<void> {
  const timeout = queryMs + GRACE_MS
  await connection.query({ sql: 'set session transaction read only', timeout })
  await connection.query({
    sql: "set session sql_mode = 'STRICT_TRANS_TABLES', session time_zone = '+00:00'",
    timeout,
  })
  const [rows] = await connection.query<RowDataPacket[][]>({ sql: 'select version()', timeout })
  const sql = /mariadb/i.test(String(rows[0]))
    ? `set session max_statement_time = ${queryMs / 1000}`
    : `set session max_execution_time = ${queryMs}`
  await connection.query({ sql, timeout })
}

function columns(rows: unknown[][]): Columns {
  return new Map(rows.map(([name, type]) => [String(name), KINDS[String(type).toLowerCase()] ?? 'other']))
}

const KINDS: Record<string, ColumnKind> = {
  ...{ char: 'text', varchar: 'text', tinytext: 'text', text: 'text', mediumtext: 'text', longtext: 'text' },
  ...{
    enum: 'text',
    set: 'text',
    uuid: 'text',
    tinyint: 'integer',
    smallint: 'integer',
    mediumint: 'integer',
  },
  ...{
    int: 'integer',
    bigint: 'integer',
    year: 'integer',
    decimal: 'decimal',
    float: 'float',
    double: 'float',
  },
  ...{ date: 'date', datetime: 'date-time', timestamp: 'date-time' },
}

/** The types of a result, by their numbers on the wire. */
const CODES: Record<number, ColumnKind> = {
  ...{ 1: 'integer', 2: 'integer', 3: 'integer', 8: 'integer', 9: 'integer', 13: 'integer' },
  ...{
    0: 'decimal',
    246: 'decimal',
    4: 'float',
    5: 'float',
    10: 'date',
    14: 'date',
    7: 'date-time',
    12: 'date-time',
  },
  ...{
    15: 'text',
    247: 'text',
    248: 'text',
    249: 'text',
    250: 'text',
    251: 'text',
    252: 'text',
    253: 'text',
    254: 'text',
  },
}

function numberOf(cause: unknown): number | undefined {
  const { errno, fatal } = cause as { errno?: unknown; fatal?: unknown }
  return typeof errno === 'number' && errno >= 1000 && fatal !== true ? errno : undefined
}

/** After these the server keeps the connection; all else is about the server, or the connection itself. */
function isAboutTheStatement(cause: unknown): boolean {
  const number = numberOf(cause)
  return number !== undefined && !SERVER_SAYS_NO.has(number)
}

/** Its messages quote values, so they are told and logged only while there is none of a client. */
function faultOf(cause: unknown, isOfMapping: boolean): Fault {
  if (isOfMapping && isAboutTheStatement(cause))
    return new Fault('source_failed', { what: (cause as Error).message, cause })
  const number = numberOf(cause)
  if (number !== undefined && VALUE_REFUSED.has(number))
    return new Fault('invalid_input', {
      what: 'a value is none of the type that the database has there',
      cause: coded(cause),
    })
  if (number !== undefined && TIMED_OUT.has(number))
    return new Fault('source_timeout', { cause: coded(cause) })
  if ((cause as { code?: unknown }).code === 'PROTOCOL_SEQUENCE_TIMEOUT')
    return new Fault('source_timeout', { cause })
  return new Fault(isAboutTheStatement(cause) ? 'source_failed' : 'source_unavailable', {
    cause: coded(cause),
  })
}

function coded(cause: unknown): Error {
  const { code, errno } = cause as { code?: unknown; errno?: unknown }
  return new Error(`${String(code)} (${String(errno)})`)
}
