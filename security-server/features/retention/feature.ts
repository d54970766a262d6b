/**
 * Ends content when its time is over or by order, unless a legal hold covers it. Content is archived first if
 * its class says so.
 */
import path from 'node:path'
import type { FeatureModule } from '#platform/feature.ts'
import type { Sealing, StoredFiles } from '#platform/stored-files/stored-files.ts'
import { checkpointSigner } from '../../keys/checkpoint-signer.ts'
import type { Keys } from '../../keys/keys.ts'
import { clearanceOf } from '../../reading/readable-log.ts'
import type { ArchivesInDatabase } from './archives/archiver.ts'
import { archiveTarget, retentionHandlers } from './handlers.ts'
import type { Needs } from './needs.ts'
import { openRetention } from './open-retention.ts'
import type { Retention } from './retention.ts'

type Ground = Omit<Needs, 'retention'> &
  Omit<Parameters<typeof openRetention>[0], 'archives' | 'makers'> & {
    storedFiles: (Omit<ArchivesInDatabase, 'files'> & { sealing: Sealing }) | undefined
    settings: { directory: string; archives: { path?: string | undefined; maxFileBytes: number } }
    keys: Pick<Keys, 'signingIdentity'>
  }

type Offers = {
  sealArchivesAnew: StoredFiles['sealAnew'] | undefined
  erasureOrders: Pick<Retention, 'beforeOrders'>
}

export const retention: FeatureModule<Ground, Offers> = {
  name: 'retention',
  open: async (ground) => {
    const { settings, keys, server, storedFiles } = ground
    const {
      retention: room,
      sealAnew,
      close,
    } = await openRetention({
      ...ground,
      storedLog: { ...ground.storedLog, sealing: storedFiles?.sealing },
      // A folder that the settings name is where others look for archives.
      makers: storedFiles && {
        ...storedFiles,
        isUsed: storedFiles.isUsed && settings.archives.path === undefined,
      },
      archives: {
        directory: settings.archives.path ?? path.join(settings.directory, 'archives'),
        maxBytes: settings.archives.maxFileBytes,
        checkpointSigner: () => checkpointSigner(keys, server),
      },
    })
    ground.contentRequests.register('archiveId', async (id, caller) => {
      await room.archive({ id, clearance: clearanceOf(caller) })
      return archiveTarget(id)
    })
    return {
      operations: retentionHandlers({ ...ground, retention: room }),
      offers: { sealArchivesAnew: sealAnew, erasureOrders: room },
      // A run takes a minute at most, with pauses between its batches.
      jobs: [
        {
          ...{ kind: 'retention', everySeconds: 10, destroys: true },
          run: async ({ signal }) => void (await room.run(signal)),
        },
        // Only one node runs retention, and each has the files of the bodies that came through it.
        { kind: 'delete-erased-bodies', everySeconds: 10, onEachNode: true, run: () => room.deleteBodies() },
      ],
      close,
    }
  },
}
