/**
 * Migrates by a connection whose statements may take long: a large table, or the node that changes it, is
 * waited for.
 */
import { isMigrated, migrate } from './migrate.ts'
import type { SchemaChange } from './older-versions.ts'
import { type Database, openDatabase } from './open-database.ts'

const STATEMENT_MS = 3_600_000

/**
 * As `migrate`, of the database that was opened by this URL: each statement may take an hour, or
 * `?statementMs=` if that is longer. Others that use a table meanwhile wait as long as theirs may.
 */
export async function migratePatiently(
  database: Database,
  url: string,
  migrations: Record<string, SchemaChange>,
  beforeOlderOnesEnd?: () => Promise<void>,
): Promise<void> {
  if (database.dialect === 'sqlite' || (await isMigrated(database, migrations)))
    return await migrate(database, migrations, beforeOlderOnesEnd)
  const address = new URL(url)
  const statementMs = Math.max(STATEMENT_MS, Number(address.searchParams.get('statementMs')))
  address.searchParams.set('statementMs', String(statementMs))
  const patient = await openDatabase(address.href)
  try {
    await migrate(patient, migrations, beforeOlderOnesEnd)
  } finally {
    await patient.close()
  }
}
