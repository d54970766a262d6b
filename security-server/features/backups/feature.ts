/**
 * Backups of the server, made daily and on request and read back, and the result of the last restore for
 * operators.
 */

import { BACKUP_SECONDS, MAKE_BACKUP } from '#platform/backups/daily-backups.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { FeatureModule } from '#platform/feature.ts'
import { serverBackupMigrations } from './migrations.ts'
import type { Needs } from './needs.ts'
import { openServerBackups } from './open-backups.ts'
import { createProofStore } from './proofs-store.ts'
import { proveNewest } from './prove-backups.ts'
import { restorationHandlers } from './restoration.ts'

type Ground = Needs & Omit<Parameters<typeof openServerBackups>[0], 'health'>
type Offers = {
  /**
   * Since when backups are tried, the newest that was made, and when one was last read back; undefined where
   * none are wanted.
   */
  backupAges(): Promise<
    | {
        since: string
        madeAt: string | undefined
        /** Since when any is read back. */
        triedAt: string | undefined
        provenAt: string | undefined
      }
    | undefined
  >
}

const PROVE_SECONDS = 3600

export const backups: FeatureModule<Ground, Offers> = {
  name: 'backups',
  migrations: serverBackupMigrations,
  open: async (ground) => {
    const daily = await openServerBackups(ground)
    const proofs = createProofStore(ground.database)
    const { backups: settings } = ground.settings
    const secret = settings && (await readSecret(settings.keyFile))
    async function proofFailureOf(): Promise<string | undefined> {
      const made = (await daily.newest())?.made
      return made && (await proofs.failureOf(made.name))
    }
    async function unreadable(): Promise<string | undefined> {
      const failure = await proofFailureOf()
      return failure === undefined ? undefined : `the newest backup cannot be read back (${failure})`
    }
    return {
      operations: {
        ...daily.handlers,
        ...restorationHandlers(ground),
        async getBackupState() {
          const [provenAt, proofFailure] = [await proofs.last(), await proofFailureOf()]
          return {
            ...(await daily.summary()),
            ...(provenAt !== undefined && { provenAt }),
            ...(proofFailure !== undefined && { proofFailure }),
          }
        },
      },
      jobs: [
        // Makes no backup if the settings name no folder for them.
        { kind: MAKE_BACKUP, everySeconds: BACKUP_SECONDS, run: () => daily.makeDue() },
        ...(secret === undefined
          ? []
          : [
              {
                ...{ kind: 'prove-backup', everySeconds: PROVE_SECONDS, onEachNode: true, immediately: true },
                run: ({ signal }: { signal: AbortSignal }) =>
                  proveNewest({ ...ground, daily, proofs, secret, signal }),
              },
            ]),
      ],
      ...(settings !== undefined && {
        health: {
          // The server answers calls even without backups, so the check is `ok` and only states a reason.
          backups: async () => {
            const reason = (await daily.wrong()) ?? (await unreadable())
            return { ok: true, ...(reason !== undefined && { reason }) }
          },
        },
      }),
      offers: {
        async backupAges() {
          const found = await daily.newest()
          const [triedAt, provenAt] = [await proofs.tried(), await proofs.last()]
          return found && { since: found.since, madeAt: found.made?.begun_at, triedAt, provenAt }
        },
      },
    }
  },
}
