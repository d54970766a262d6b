/** Backups of the registry, made daily and at an administrator's request. */

import { BACKUP_SECONDS, MAKE_BACKUP, openDailyBackups } from '#platform/backups/daily-backups.ts'
import type { BackupSummary } from '#platform/backups/routes.ts'
import type { BackupSettings } from '#platform/backups/settings.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import type { MemberStore } from '../../members/store.ts'
import { createWriteBackup } from './make-backup.ts'
import { backupMigrations } from './migrations.ts'
import { createBackupStore } from './store.ts'

type Ground = Pick<Services, 'database' | 'audit' | 'metrics' | 'clock' | 'log'> & {
  members: Pick<MemberStore, 'parameters'>
  signDocument: SignDocument
  settings: { directory: string; database: string; backups?: BackupSettings | undefined }
  /** The path of the settings file. */
  settingsFile: string | undefined
  /** The secret in `backups.keyFile` of the settings. */
  backupKey: string | undefined
}

/** `backupSummary`: the facts about backups for an overview. */
export const backups: FeatureModule<Ground, { backupSummary(): Promise<BackupSummary> }> = {
  name: 'backups',
  migrations: backupMigrations,
  open: (ground) => {
    const { settings, settingsFile, backupKey } = ground
    const instance = async (): Promise<string | undefined> => (await ground.members.parameters())['instance']
    const daily = openDailyBackups({
      ...ground,
      ...{ settings: settings.backups, prefix: 'central-registry', label: 'registry' },
      isReady: async () => (await instance()) !== undefined,
      write:
        backupKey === undefined
          ? undefined
          : createWriteBackup({
              store: createBackupStore(ground.database, settings.database),
              ...{ secret: backupKey, directory: settings.directory, settingsFile, instance },
              sign: ground.signDocument,
            }),
    })
    return {
      operations: daily.handlers,
      // Makes no backup when the settings name no folder for backups.
      jobs: [
        {
          ...{ kind: MAKE_BACKUP, everySeconds: BACKUP_SECONDS, immediately: true },
          run: () => daily.makeDue(),
        },
      ],
      offers: { backupSummary: () => daily.summary() },
    }
  },
}
