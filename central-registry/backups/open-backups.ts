/** The room's own wiring: where backups lie, what makes them, the operations; registry.ts hands in what it stands on. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { openBackupFolder } from '#platform/backups/folder.ts'
import type { BackupSettings } from '#platform/backups/settings.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { SignDocument } from '../configuration/signing-keys/sign-document.ts'
import type { MemberStore } from '../members/store.ts'
import { createMakeBackup } from './make-backup.ts'
import { backupHandlers, backupSummary } from './routes.ts'
import { isDue } from './rules.ts'
import { createBackupStore } from './store.ts'

/** The kind of the job that looks whether the daily backup is due. */
export const MAKE_BACKUP = 'make-backup'
export const BACKUP_SECONDS = 60

export type Backups = {
  handlers: Record<string, OperationHandler>
  makeDue(): Promise<void>
  /** For the overview. */
  summary(): Promise<object>
}

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
}): Backups {
  const { clock } = q
  const { settings, settingsFile, backupKey } = q.registry
  const store = createBackupStore(q.database, settings.database)
  const { backups } = settings
  const folder = backups && openBackupFolder(backups.directory, 'central-registry')
  const made =
    backups === undefined || folder === undefined || backupKey === undefined
      ? undefined
      : {
          ...{ folder, hour: backups.hour, keep: backups.keep },
          make: createMakeBackup({
            ...{
              store,
              folder,
              keep: backups.keep,
              secret: backupKey,
              directory: settings.directory,
              settingsFile,
            },
            instance: async () => (await q.members.parameters())['instance'],
            ...{ sign: q.signDocument, clock, log: q.log },
          }),
        }
  if (made !== undefined)
    q.metrics.watch('concordat_backup_age_seconds', 'How old the newest backup is', 'of', async () => {
      const newest = await store.newestMade()
      return newest === undefined
        ? []
        : [['registry', (clock() - Date.parse(newest.begun_at)) / 1000] as const]
    })
  return {
    handlers: backupHandlers({ store, made, audit: q.audit, clock }),
    summary: () => backupSummary({ store, made, clock }),
    async makeDue() {
      if (made === undefined || (await q.members.parameters())['instance'] === undefined) return
      const found = { made: await store.newestMade(), newest: await store.newest() }
      // It is on record and in the log when it fails; the job itself did what it is for.
      if (isDue({ now: clock(), hour: made.hour, ...found })) await made.make('').catch(() => undefined)
    },
  }
}
