/**
 * Dumps the security server's own database into a backup and restores it. The message log has a database and
 * backups of its own.
 */
import { newestAuditRow } from '#platform/audit-log/store.ts'
import type { BackupFacts } from '#platform/backups/manifest.ts'
import { migrationsIn } from '#platform/database/dialect-dump.ts'
import { dumpTables } from '#platform/database/dump.ts'
import { inSnapshot, openDatabase } from '#platform/database/open-database.ts'
import { PASSKEY_TABLES } from '#platform/passkeys/store.ts'
import { SHARED_FILE_TABLES } from '#platform/shared-files/store.ts'
import { STORED_FILE_TABLES } from '#platform/stored-files/store.ts'

/**
 * One-way messages are no part of a backup, like the message log: restored ones would be sent again, and what
 * had come to an inbox since would be taken for new. Of rooms, numbers would be given out twice. The key that
 * opens them is in no backup either.
 */
const DELIVERIES = [
  ...['outbox', 'inbox', 'delivery_route', 'inbox_receipt', 'inbox_receipts'],
  'delivery_receipt_again',
  ...['delivery_key', 'delivery_name_key', 'inbox_use'],
  ...['room_type', 'room_event', 'room_subscription', 'room_pull'],
]

/**
 * Consents are in no backup: a restored one would hold again after it was withdrawn or used up. So people
 * agree anew. The key by which they are named is sealed with those of one-way messages, and would be
 * unreadable without them. So would answers that wait for their person; a released one could be given twice.
 */
const CONSENTS = [
  ...['consent', 'consent_use', 'consent_calls', 'consent_request', 'consent_issuers', 'consent_key'],
  'preview',
]

/**
 * Wishes to be told are in no backup: a restored one would send messages again that its person has ended.
 * Their key is in none either.
 */
const NOTICES = [
  ...['notice_person', 'notice_entry', 'notice_address', 'notice_wish', 'notice_use', 'notice_letter'],
  ...['notice_count', 'notice_state'],
]

/**
 * Letters of what ends would be held for sent that never left, and proofs are of files that this machine may
 * not have.
 */
const LETTERS = ['deadline_letter', 'backup_proof', 'backup_proof_try']

/**
 * What the monitoring tells is in no backup: it is millions of rows, gone after some days, and of exchanges
 * that the message log has.
 */
const MONITORING = ['operational_data']

/**
 * What nodes share is in their folders, which a backup has; who they were, and secrets to join them, are over
 * with a restored server.
 */
const NODES = [...SHARED_FILE_TABLES, 'node', 'join_secret', 'node_settings']

/** Exports of the log, when their files are in the database: no backup has what was found in the log. */
const EXPORT_FILES = STORED_FILE_TABLES

/**
 * Tables that are left out, also of a backup that has them: a node of an older version makes one that does
 * not know them all. Restored sessions and passkeys would work again after they had ended, and a used login
 * or claim code could be used twice.
 */
export const WITHOUT = [
  'session',
  'used_login',
  'claim_code',
  ...PASSKEY_TABLES,
  ...DELIVERIES,
  ...CONSENTS,
  ...NOTICES,
  ...MONITORING,
  ...NODES,
  ...EXPORT_FILES,
  ...LETTERS,
]

/** Writes all rows as of one moment, while the server runs. */
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
