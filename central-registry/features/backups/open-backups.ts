/** The room's own wiring: what a backup of the registry holds; registry.ts hands in what it stands on. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { type DailyBackups, openDailyBackups } from '#platform/backups/daily-backups.ts'
import type { BackupSettings } from '#platform/backups/settings.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import type { MemberStore } from '../../members/store.ts'
import { createWriteBackup } from './make-backup.ts'
import { createBackupStore } from './store.ts'

export function openBackups(q: {
  database: Database
  members: Pick<MemberStore, 'parameters'>
  signDocument: SignDocument
  audit: Pick<AuditLog, 'before'>
  metrics: Metrics
  clock: Clock
  log: Log
  registry: {
    settings: { directory: string; database: string; backups?: BackupSettings | undefined }
    settingsFile?: string | undefined
    /** What the settings name as `backups.keyFile`. */
    backupKey?: string | undefined
  }
}): DailyBackups {
  const { settings, settingsFile, backupKey } = q.registry
  const instance = async (): Promise<string | undefined> => (await q.members.parameters())['instance']
  return openDailyBackups({
    ...q,
    ...{ settings: settings.backups, prefix: 'central-registry', label: 'registry' },
    isReady: async () => (await instance()) !== undefined,
    write:
      backupKey === undefined
        ? undefined
        : createWriteBackup({
            store: createBackupStore(q.database, settings.database),
            ...{ secret: backupKey, directory: settings.directory, settingsFile, instance },
            sign: q.signDocument,
          }),
  })
}
