/**
 * Reads from the database what a backup contains: every table at one moment, with facts that people compare.
 */

import { newestAuditRow } from '#platform/audit-log/store.ts'
import type { BackupFacts } from '#platform/backups/manifest.ts'
import { migrationsIn } from '#platform/database/dialect-dump.ts'
import { dumpTables } from '#platform/database/dump.ts'
import { type Database, inSnapshot, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { PASSKEY_TABLES } from '#platform/passkeys/store.ts'
import { SHARED_FILE_TABLES } from '#platform/shared-files/store.ts'
import { createLogStore } from '../../configuration/transparency-log/store.ts'
import type { Tables } from './tables.ts'

export type BackupStore = ReturnType<typeof createBackupStore>
/**
 * What nodes share is in their folders, which a backup has; who they were, and secrets to join them, are over
 * with a restored registry.
 */
const NODES = [...SHARED_FILE_TABLES, 'node', 'join_secret', 'node_settings']

/**
 * Tables that are left out, also of a backup that has them: a node of an older version makes one that does
 * not know them all. A session or passkey that has ended would be valid again, and a used login could be used
 * twice.
 */
export const WITHOUT = ['session', 'used_login', ...PASSKEY_TABLES, ...NODES]
/** `url` is the database's URL, to open a second connection that reads while others write. */
export function createBackupStore(database: Database, url: string) {
  return {
    /**
     * Writes all rows of one moment and returns facts about the register at that moment. Changes do not wait
     * for it.
     */
    async dump(write: (line: string) => Promise<void>): Promise<BackupFacts> {
      // A second connection would open a different, empty database.
      const own = url === 'sqlite::memory:' ? undefined : await openDatabase(url)
      try {
        return await inSnapshot((own ?? database).kysely, async (snapshot) => {
          const of = tablesOf<Tables>({ kysely: snapshot })
          const published = await of
            .selectFrom('publication')
            .select(({ fn }) => fn.max('configuration_index').as('index'))
            .executeTakeFirst()
          const list = await of.selectFrom('suspension_list').select('number').executeTakeFirst()
          const head = await createLogStore({ ...database, kysely: snapshot }).head()
          const audit = await newestAuditRow(of)
          return {
            rows: await dumpTables(snapshot, { without: WITHOUT, write }),
            configurationIndex: published?.index ?? 0,
            suspensionList: list?.number ?? 0,
            transparencyLogSize: head?.size ?? 0,
            transparencyLogRoot: head?.root.toString('base64') ?? null,
            auditLogRecords: audit?.sequence ?? 0,
            auditLogDigest: audit?.digest.toString('hex') ?? null,
            migrations: await migrationsIn(snapshot),
          }
        })
      } finally {
        await own?.close()
      }
    },
  }
}
