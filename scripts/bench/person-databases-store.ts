/**
 * The table of people of the adapter bench, on each kind of database: 12,000 rows, made for one run and
 * dropped at its end.
 */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { people } from '../sandbox/agencies/people.ts'
import { openPersonStore } from '../sandbox/agencies/store.ts'
import { newDatabases } from './databases-store.ts'

/** `database` of the SQL adapter's settings; the service by hand connects by the same. */
export type PersonDatabase = {
  kind: 'sqlite' | 'postgresql' | 'mariadb'
  file?: string
  host?: string
  port?: number
  name?: string
  user?: string
}
export type Made = { database: PersonDatabase; drop(): Promise<void> }

const PERSONS = 12_000
const ROWS_AT_ONCE = 1000
const COLUMNS = ['code', 'given_name', 'family_name', 'born', 'residence', 'status']
/**
 * Compared and sorted by their octets in each: otherwise each row of a page would be compared by the rules of
 * a language.
 */
const TABLE = {
  postgresql: COLUMNS.map((name) => `${name} varchar(255) collate "C" not null`).join(', '),
  mariadb: COLUMNS.map((name) => `${name} varchar(255) collate utf8mb4_bin not null`).join(', '),
}

/** A file in `directory`. */
export function makeSqlite(directory: string): Made {
  const file = path.join(directory, 'persons.db')
  openPersonStore(file).close()
  return { database: { kind: 'sqlite', file }, drop: async () => undefined }
}

/** `url` names a user who may make databases without a password: `postgres://user@localhost/?host=FOLDER`. */
export async function makePostgresql(url: string): Promise<Made> {
  const databases = newDatabases(url)
  const own = new URL(await databases.make('persons'))
  const client = new pg.Client({ connectionString: own.href })
  await client.connect()
  try {
    for (const statement of statements(TABLE.postgresql)) await client.query(statement)
    await client.query('analyze person')
  } finally {
    await client.end()
  }
  const { host, port } = placeOf(own, 'host')
  return {
    database: { kind: 'postgresql', host, port: port ?? 5432, ...nameOf(own) },
    drop: databases.drop,
  }
}

/** `url` likewise: `mariadb://user@localhost/?socket=PATH`. */
export async function makeMariadb(url: string): Promise<Made> {
  const own = new URL(url)
  const { host, port } = placeOf(own, 'socket')
  own.pathname = `/concordat_bench_${randomBytes(4).toString('hex')}_persons`
  const { name, user } = nameOf(own)
  const run = async (...all: string[]): Promise<void> => {
    const connection = await createConnection({
      ...(host.startsWith('/') ? { socketPath: host } : { host, ...(port === undefined ? {} : { port }) }),
      user,
    })
    try {
      for (const statement of all) await connection.query(statement)
    } finally {
      await connection.end()
    }
  }
  await run(`create database ${name}`, `use ${name}`, ...statements(TABLE.mariadb), 'analyze table person')
  return {
    database: { kind: 'mariadb', host, ...(port === undefined ? {} : { port }), name, user },
    drop: () => run(`drop database ${name}`),
  }
}

/** A path of a socket or its folder in the parameter, or a host. */
function placeOf(url: URL, parameter: string): { host: string; port: number | undefined } {
  return {
    host: url.searchParams.get(parameter) ?? url.hostname,
    port: url.port === '' ? undefined : Number(url.port),
  }
}

function nameOf(url: URL): { name: string; user: string } {
  return { name: url.pathname.slice(1), user: decodeURIComponent(url.username) }
}

function statements(columns: string): string[] {
  const rows = [...people(PERSONS)].map(
    ({ code, givenName, familyName, born, residence, status }) =>
      `(${[code, givenName, familyName, born, residence, status].map(quote).join(', ')})`,
  )
  const made = [
    `create table person (${columns}, primary key (code))`,
    'create index person_family_name on person (family_name, code)',
  ]
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE)
    made.push(`insert into person values ${rows.slice(at, at + ROWS_AT_ONCE).join(', ')}`)
  return made
}

/** The people are made here; their names hold no backslash. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
