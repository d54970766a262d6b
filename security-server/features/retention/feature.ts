/** Content ends when its time is over or by order, unless a legal hold covers it; what is to be archived is archived first. */
import type { FeatureModule } from '#platform/feature.ts'
import { clearanceOf } from '../../reading/readable-log.ts'
import { archiveTarget, retentionHandlers } from './handlers.ts'
import type { Needs } from './needs.ts'

export const retention: FeatureModule<Needs> = {
  name: 'retention',
  open: (ground) => {
    const { retention: room } = ground.messageLog
    ground.contentRequests.register('archiveId', async (id, caller) => {
      await room.archive({ id, clearance: clearanceOf(caller) })
      return archiveTarget(id)
    })
    return {
      operations: retentionHandlers(ground),
      // A minute at most, with rests between its batches.
      jobs: [
        { kind: 'retention', everySeconds: 10, run: async ({ signal }) => void (await room.run(signal)) },
      ],
    }
  },
}
