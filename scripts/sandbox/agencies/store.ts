/** The population register's table: a real database with one row per person. */
import { DatabaseSync } from 'node:sqlite'
import { type Person, people } from './people.ts'

const PERSONS = 12_000

export type PersonStore = {
  find(code: string): Person | undefined
  /** Registers a person, once. */
  add(person: Person): void
  search(q: { familyName: string; limit: number }): Person[]
  count(): number
  close(): void
}

const COLUMNS = 'code, given_name AS givenName, family_name AS familyName, born, residence, status'

/** Opens the database file and fills it on first use, in one transaction. */
export function openPersonStore(file: string): PersonStore {
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS person (
      code TEXT PRIMARY KEY, given_name TEXT NOT NULL, family_name TEXT NOT NULL,
      born TEXT NOT NULL, residence TEXT NOT NULL, status TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS person_family_name ON person (family_name, code);`)
  const counted = database.prepare('SELECT count(*) AS persons FROM person')
  const count = (): number => Number((counted.get() as { persons: number }).persons)
  if (count() === 0) fill(database)
  const byCode = database.prepare(`SELECT ${COLUMNS} FROM person WHERE code = ?`)
  const byName = database.prepare(`SELECT ${COLUMNS} FROM person WHERE family_name = ? ORDER BY code LIMIT ?`)
  return {
    find: (code) => byCode.get(code) as Person | undefined,
    add: ({ code, givenName, familyName, born, residence, status }) => {
      database
        .prepare('INSERT OR IGNORE INTO person VALUES (?, ?, ?, ?, ?, ?)')
        .run(code, givenName, familyName, born, residence, status)
    },
    search: ({ familyName, limit }) => byName.all(familyName, limit) as Person[],
    count,
    close: () => database.close(),
  }
}

function fill(database: DatabaseSync): void {
  const insert = database.prepare('INSERT INTO person VALUES (?, ?, ?, ?, ?, ?)')
  database.exec('BEGIN')
  for (const { code, givenName, familyName, born, residence, status } of people(PERSONS)) {
    insert.run(code, givenName, familyName, born, residence, status)
  }
  database.exec('COMMIT')
}
