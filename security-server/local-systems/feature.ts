/** The job and check of local systems in a running server: changes that another node made are loaded. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { LocalSystems } from './local-systems.ts'
import { localSystemsMigrations } from './migrations.ts'

type Ground = Pick<Services, 'jobs'> & { localSystems: Pick<LocalSystems, 'isOutdated' | 'poll'> }

export const ownSystems: FeatureModule<Ground> = {
  name: 'local-systems',
  migrations: localSystemsMigrations,
  open: ({ localSystems, jobs }) => ({
    jobs: [
      {
        kind: 'poll-local-systems',
        everySeconds: 30,
        isDue: () => localSystems.isOutdated(),
        onEachNode: true,
        run: async () => void (await localSystems.poll()),
      },
    ],
    health: {
      // Exchange goes on without the database for a while, but not without the jobs, whose state is in it.
      database: async () => {
        await jobs.state()
        return { ok: true }
      },
    },
  }),
}
