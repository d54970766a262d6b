/** The same tables on SQLite, PostgreSQL and MariaDB, and the settings by which the adapter reaches them. */

import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { Test } from 'tap'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { hasMariadb, startMariadb } from '#test/mariadb.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import type { DatabaseSettings } from './settings.ts'

export type TestDatabase = {
  settings: DatabaseSettings
  /** Runs a statement as the database's owner. */
  run(statement: string): Promise<void>
  /** Takes the database away as a crash would, and brings it back. */
  away(): Promise<void>
  back(): Promise<void>
  /** Stops the server's processes where they are, and lets them go on; a file cannot be stopped. */
  freeze?: (() => Promise<void>) | undefined
  thaw?: (() => void) | undefined
}

const KINDS = ['sqlite', 'postgresql', 'mariadb'] as const
type Kind = (typeof KINDS)[number]

/** Column types that the three call differently. */
const TYPES: Record<Kind, Record<'boolean' | 'time' | 'bytes' | 'text', string>> = {
  sqlite: { boolean: 'integer', time: 'text', bytes: 'blob', text: 'text' },
  postgresql: { boolean: 'boolean', time: 'timestamptz(3)', bytes: 'bytea', text: 'varchar(255)' },
  mariadb: {
    boolean: 'tinyint(1)',
    time: 'datetime(3)',
    bytes: 'varbinary(20)',
    text: 'varchar(255) character set utf8mb4 collate utf8mb4_bin',
  },
}

export const PERSONS = 57

/**
 * Persons 1 to 57: every fifth has no birth date, every third is active, names repeat, and one of them is
 * hostile.
 */
async function fill(kind: Kind, run: TestDatabase['run']): Promise<void> {
  const { boolean, time, bytes, text } = TYPES[kind]
  await run(`create table person (code ${text} not null primary key, number integer not null, name ${text} not null,
    born date, active ${boolean} not null, changed ${time}, income decimal(30,2), photo ${bytes}, secret ${text})`)
  await run(
    'create table address (person integer not null, place integer not null, street varchar(255), primary key (person, place))',
  )
  for (let number = 1; number <= PERSONS; number++) {
    const born =
      number % 5 === 0
        ? 'null'
        : `'19${String(40 + number)
            .padStart(2, '0')
            .slice(-2)}-02-0${1 + (number % 9)}'`
    const active = kind === 'postgresql' ? String(number % 3 === 0) : String(Number(number % 3 === 0))
    const changed = `'2026-01-02 03:04:${String(number % 60).padStart(2, '0')}.120'`
    await run(
      `insert into person (code, number, name, born, active, changed, income, secret) values ('P${String(number).padStart(3, '0')}',
        ${number}, 'Name ${number % 7}', ${born}, ${active}, ${changed}, ${number}.50, 'SECRET${number}')`,
    )
    await run(`insert into address values (${number}, 1, 'Street ${number}'), (${number}, 2, null)`)
  }
  await run(`update person set name = 'O''Hara; drop table person --' where number = 13`)
  await run('create view active_person as select code, name from person where number < 10')
}

/** Runs the tests on each kind; a database that is not installed is a loud skip. */
export async function eachKind(
  t: Test,
  tests: (t: Test, kind: Kind, database: TestDatabase) => Promise<void>,
): Promise<void> {
  for (const kind of KINDS)
    await t.test(`on ${kind}`, async (t) => {
      if (kind === 'postgresql' && !hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
      if (kind === 'mariadb' && !hasMariadb()) return skipFor(t, 'MariaDB is not installed')
      const database = await OPEN[kind](t)
      await fill(kind, database.run)
      await tests(t, kind, database)
    })
}

const OPEN: Record<Kind, (t: Test) => Promise<TestDatabase>> = {
  sqlite: async (t) => {
    const file = path.join(emptyFolder(t), 'register.db')
    const { renameSync } = await import('node:fs')
    return {
      settings: { kind: 'sqlite', file },
      run: async (statement) => {
        const database = new DatabaseSync(file)
        database.exec(statement)
        database.close()
      },
      away: async () => renameSync(file, `${file}.away`),
      back: async () => renameSync(`${file}.away`, file),
    }
  },
  postgresql: async () => {
    const server = await startPostgresql()
    const url = new URL(await server.freshDatabase())
    const name = url.pathname.slice(1)
    return {
      settings: { kind: 'postgresql', host: url.searchParams.get('host')!, name, user: 'postgres' },
      run: async (statement) => {
        const client = new pg.Client({ connectionString: url.href })
        await client.connect()
        await client.query("set timezone = 'UTC'")
        await client.query(statement)
        await client.end()
      },
      away: server.crash,
      back: server.start,
      freeze: server.freeze,
      thaw: server.thaw,
    }
  },
  mariadb: async () => {
    const server = await startMariadb()
    await server.run(
      'create database register',
      'create user reader@localhost',
      'grant select on register.* to reader@localhost',
    )
    return {
      settings: { kind: 'mariadb', host: server.socket, name: 'register', user: 'reader' },
      run: (statement) => server.run('use register', statement),
      away: server.crash,
      back: server.start,
      freeze: server.freeze,
      thaw: server.thaw,
    }
  },
}
