/** Admits the first two administrators, each with a code. From then on changes of trust need two persons. */
import type { Database } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import { writeInstallationCodes } from './code-files.ts'
import { installationMigrations } from './migrations.ts'
import { installationHandlers } from './routes.ts'
import { createInstallationStore, type InstallationStore } from './store.ts'

type Ground = Pick<Parameters<typeof installationHandlers>[0], 'people' | 'clock'> & {
  database: Database
  /** Without a login there is no ceremony, and two persons are never required. */
  settings: { login?: { firstCodeFile: string; secondCodeFile: string } | undefined }
}

type Offers = {
  installation: Pick<InstallationStore, 'isDone' | 'reopenedUntil'>
  /** Whether changes of trust need two persons now. */
  fourEyes(): Promise<boolean>
}

export const installation: FeatureModule<Ground, Offers> = {
  name: 'installation',
  migrations: installationMigrations,
  open: async ({ database, people, settings: { login }, clock }) => {
    const store = createInstallationStore(database)
    if (login !== undefined) await writeInstallationCodes([login.firstCodeFile, login.secondCodeFile], store)
    return {
      operations: installationHandlers({ store, people, clock }),
      offers: {
        installation: store,
        fourEyes: async () => login !== undefined && (await store.isDone()),
      },
    }
  },
}
