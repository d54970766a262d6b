/** One member succeeds another: it takes over subsystems, servers and contracts at an agreed time. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { Change } from '../../changes/store.ts'
import { announceContract } from '../../contract-versions/announce.ts'
import type { MemberStore } from '../../members/store.ts'
import { successionHandlers } from './routes.ts'
import { createSuccessionStore, type ReportedSigners } from './store.ts'

type Ground = Pick<Services, 'database' | 'jobs' | 'clock'> & {
  change: Change
  members: Pick<MemberStore, 'parameters'>
  reportedSigners: ReportedSigners
}

export const successions: FeatureModule<Ground> = {
  name: 'successions',
  open: ({ database, change, jobs, members, clock, reportedSigners }) => ({
    operations: successionHandlers({
      store: createSuccessionStore(database, change, {
        ...{ notify: announceContract(jobs, clock), reportedSigners },
      }),
      ...{ members, clock },
    }),
  }),
}
