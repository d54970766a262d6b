/** Backups of the server, made daily and on request, and the result of the last restore for operators. */

import { BACKUP_SECONDS, MAKE_BACKUP } from '#platform/backups/daily-backups.ts'
import type { FeatureModule } from '#platform/feature.ts'
import { serverBackupMigrations } from './migrations.ts'
import type { Needs } from './needs.ts'
import { openServerBackups } from './open-backups.ts'
import { restorationHandlers } from './restoration.ts'

type Ground = Needs & Omit<Parameters<typeof openServerBackups>[0], 'health'>

export const backups: FeatureModule<Ground> = {
  name: 'backups',
  migrations: serverBackupMigrations,
  open: async (ground) => {
    const daily = await openServerBackups(ground)
    return {
      operations: { ...daily.handlers, ...restorationHandlers(ground) },
      // Makes no backup if the settings name no folder for them.
      jobs: [{ kind: MAKE_BACKUP, everySeconds: BACKUP_SECONDS, run: () => daily.makeDue() }],
      ...(ground.settings.backups !== undefined && {
        health: {
          // The server answers calls even without backups, so the check is `ok` and only states a reason.
          backups: async () => {
            const reason = await daily.wrong()
            return { ok: true, ...(reason !== undefined && { reason }) }
          },
        },
      }),
    }
  },
}
