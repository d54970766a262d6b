/**
 * Reads a PostgreSQL database over connections that cannot write: every transaction is read-only and every
 * statement has a time limit, on the server and here. A connection in an unknown state is never used again.
 */
import type { PoolClient } from 'pg'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { readPem } from '#platform/http-service/listener-tls.ts'
import { againIfStoodStill } from '#platform/stood-still.ts'
import { Fault } from '#schemas/fault.ts'
import type { DatabaseSettings, LimitSettings } from './settings.ts'
import type { ColumnKind, Columns, Database, Statement } from './source.ts'

const CONNECT_MS = 2000
/** The server ends a statement first, which keeps the connection; a server that is frozen does not. */
const GRACE_MS = 1000
const MAX_NAMED = 256
/**
 * SQLSTATEs of a value that a column's type does not know: not a number, out of range, no date, not in the
 * encoding.
 */
const VALUE_REFUSED = new Set(['22P02', '22003', '22007', '22008', '22021', '22P05'])
const QUERY_CANCELED = '57014'
/**
 * A prepared statement that no longer fits a changed table, or is not there: a new connection prepares it
 * anew.
 */
const STALE = /^(0A|26)/

export async function openPostgresql(database: DatabaseSettings, limits: LimitSettings): Promise<Database> {
  const { default: pg } = await import('pg')
  const { host, port, name, user, passwordFile, authorityFile } = database
  const pool = new pg.Pool({
    host,
    port,
    database: name,
    user,
    password: passwordFile === undefined ? undefined : await readSecret(passwordFile),
    ...(authorityFile === undefined
      ? {}
      : { ssl: { ca: await readPem(authorityFile), minVersion: 'TLSv1.2' } }),
    max: limits.connections,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: limits.queryMs + GRACE_MS,
    statement_timeout: limits.queryMs,
    options: '-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO -c extra_float_digits=1',
    keepAlive: true,
    application_name: 'concordat sql adapter',
    // Every value as PostgreSQL writes it: field-types.ts alone decides what it means.
    types: { getTypeParser: () => (text: string) => text } as never,
  })
  // The pool replaces an idle connection that breaks; without a listener the event would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const names = new Map<string, string>()
  const run = (statement: Statement, isOfMapping = false) =>
    inTurn(
      againIfStoodStill(CONNECT_MS, () => pool.connect()),
      statement,
      { names, isOfMapping },
    )
  return {
    columnsOfTable: async (table, schema) => {
      const quote = (one: string): string => `"${one.replaceAll('"', '""')}"`
      const relation = [...(schema === undefined ? [] : [schema]), table].map(quote).join('.')
      const { rows } = await run({ text: CATALOGUE, values: [relation] })
      return rows.length === 0 ? undefined : columns(rows)
    },
    columnsOfQuery: async ({ text, values }) => {
      const { fields } = await run({ text, values }, true)
      const types = await run({ text: TYPES, values: [`{${fields.map((one) => one.dataTypeID).join(',')}}`] })
      const kinds = new Map(
        types.rows.map(([oid, type, category]) => [Number(oid), kindOf(String(type), String(category))]),
      )
      return new Map(fields.map((one) => [one.name, kinds.get(one.dataTypeID) ?? 'other']))
    },
    query: async (statement) => (await run(statement)).rows,
    close: () => pool.end(),
  }
}

const BASE = `coalesce(nullif(t.typbasetype, 0), t.oid)`
const CATALOGUE = `select a.attname, b.typname, b.typcategory from pg_attribute a
  join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'v', 'm', 'f', 'p')
  join pg_type t on t.oid = a.atttypid join pg_type b on b.oid = ${BASE}
  where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped`
const TYPES = `select t.oid, b.typname, b.typcategory from pg_type t join pg_type b on b.oid = ${BASE}
  where t.oid = any($1::oid[])`

function columns(rows: unknown[][]): Columns {
  return new Map(rows.map(([name, type, category]) => [String(name), kindOf(String(type), String(category))]))
}

const KINDS: Record<string, ColumnKind> = {
  ...{
    int2: 'integer',
    int4: 'integer',
    int8: 'integer',
    numeric: 'decimal',
    float4: 'float',
    float8: 'float',
  },
  ...{ bool: 'boolean', date: 'date', timestamp: 'date-time', timestamptz: 'date-time', uuid: 'text' },
}

function kindOf(type: string, category: string): ColumnKind {
  return KINDS[type] ?? (category === 'S' || category === 'E' ? 'text' : 'other')
}

type How = { names: Map<string, string>; isOfMapping: boolean }

async function inTurn(
  connecting: Promise<PoolClient>,
  { text, values }: Statement,
  { names, isOfMapping }: How,
) {
  const client = await connecting.catch((cause: unknown) => {
    throw new Fault('source_unavailable', { cause })
  })
  let broken = false
  try {
    const name = nameOf(text, names)
    return await client.query<unknown[]>({
      text,
      values,
      rowMode: 'array',
      ...(name !== undefined && { name }),
    })
  } catch (cause) {
    broken = !isAboutTheStatement(cause) || STALE.test(codeOf(cause))
    throw faultOf(cause, isOfMapping)
  } finally {
    client.release(broken)
  }
}

/** A prepared statement's name, for as many texts as a connection may keep. */
function nameOf(text: string, names: Map<string, string>): string | undefined {
  const known = names.get(text)
  if (known !== undefined || names.size >= MAX_NAMED) return known
  const name = `c${names.size}`
  names.set(text, name)
  return name
}

function codeOf(cause: unknown): string {
  return String((cause as { code?: unknown }).code ?? '')
}

/** After these PostgreSQL keeps the connection; all else is about the server, or the connection itself. */
function isAboutTheStatement(cause: unknown): boolean {
  const code = codeOf(cause)
  return code === QUERY_CANCELED || (/^(0A|2|3|4|P0)[0-9A-Z]+$/.test(code) && code.length === 5)
}

/** PostgreSQL's messages quote values, so they are told and logged only while there is none of a client. */
function faultOf(cause: unknown, isOfMapping: boolean): Fault {
  const code = codeOf(cause)
  if (isOfMapping && isAboutTheStatement(cause))
    return new Fault('source_failed', { what: (cause as Error).message, cause })
  if (VALUE_REFUSED.has(code))
    return new Fault('invalid_input', {
      what: 'a value is none of the type that the database has there',
      cause: coded(code),
    })
  if (code === QUERY_CANCELED) return new Fault('source_timeout', { cause: coded(code) })
  if ((cause as Error).message === 'Query read timeout') return new Fault('source_timeout', { cause })
  return isAboutTheStatement(cause)
    ? new Fault('source_failed', { cause: coded(code) })
    : new Fault('source_unavailable', { cause })
}

function coded(code: string): Error {
  return new Error(`SQLSTATE ${code}`)
}
