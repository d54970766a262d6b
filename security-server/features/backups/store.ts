/** What a backup holds of a security server's own database, and that database put back. The message log has its own, and stays out. */
import { newestAuditRow } from '#platform/audit-log/store.ts'
import type { BackupFacts } from '#platform/backups/manifest.ts'
import { migrationsIn } from '#platform/database/dialect-dump.ts'
import { dumpTables } from '#platform/database/dump.ts'
import { inSnapshot, openDatabase } from '#platform/database/open-database.ts'

/** Sessions that ended would be alive again, and a used login could be used twice. */
const WITHOUT = ['session', 'used_login']

/** Writes all rows of one moment, beside a server that runs. */
export async function dumpServer(url: string, write: (line: string) => Promise<void>): Promise<BackupFacts> {
  const database = await openDatabase(url)
  try {
    return await inSnapshot(database.kysely, async (snapshot) => {
      const audit = await newestAuditRow(snapshot)
      return {
        rows: await dumpTables(snapshot, { without: WITHOUT, write }),
        auditLogRecords: audit?.sequence ?? 0,
        auditLogDigest: audit?.digest.toString('hex') ?? null,
        migrations: await migrationsIn(snapshot),
      }
    })
  } finally {
    await database.close()
  }
}
