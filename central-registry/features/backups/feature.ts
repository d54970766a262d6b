/** Backups of the registry, made daily and by hand. */

import { BACKUP_SECONDS, MAKE_BACKUP, openDailyBackups } from '#platform/backups/daily-backups.ts'
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
  /** Where the settings were read from. */
  settingsFile: string | undefined
  /** What the settings name as `backups.keyFile`. */
  backupKey: string | undefined
}

/** What an overview says of them. */
export const backups: FeatureModule<Ground, { backupSummary(): Promise<object> }> = {
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
      // Makes none where the settings name no folder for them.
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
