/**
 * The business register's table, which the SQL adapter serves as it is: no program of the agency is between.
 */
import { DatabaseSync } from 'node:sqlite'
import { people } from './people.ts'

const COMPANIES = 400

/** Makes the file with synthetic companies, unless it has them. */
export function fillCompanies(file: string): void {
  const database = new DatabaseSync(file)
  database.exec(`CREATE TABLE IF NOT EXISTS company (
      code TEXT PRIMARY KEY, name TEXT NOT NULL, town TEXT NOT NULL, founded TEXT NOT NULL, owner TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS company_town ON company (town);`)
  const insert = database.prepare('INSERT OR IGNORE INTO company VALUES (?, ?, ?, ?, ?)')
  database.exec('BEGIN')
  for (const { code, givenName, familyName, residence, born } of people(COMPANIES, 7)) {
    insert.run(code.replace('P', 'C'), `${familyName} ${givenName} Works`, residence, born, code)
  }
  database.exec('COMMIT')
  database.close()
}
