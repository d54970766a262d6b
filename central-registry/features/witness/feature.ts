/**
 * The registry as a witness of message logs. Without a witness in the settings, it only shows what it stored
 * earlier.
 */
import type { FeatureModule } from '#platform/feature.ts'
import { witnessMigrations } from '#platform/witness/store.ts'
import { openWitness } from './open-witness.ts'
import { publicWitnessRoutes, witnessHandlers } from './routes.ts'

type Ground = Omit<Parameters<typeof openWitness>[0], 'settings' | 'directory'> & {
  settings: { directory: string; witness?: { name: string; logs?: string[] | undefined } | undefined }
}

type Offers = {
  /** The number of kept proofs that a message log was written anew. */
  countForks(): Promise<number>
  /** Whether this registry cosigns message logs. */
  isWitness: boolean
}

export const witness: FeatureModule<Ground, Offers> = {
  name: 'witness',
  migrations: witnessMigrations,
  open: async (ground) => {
    const { directory, witness: settings } = ground.settings
    const { witness, store } = await openWitness({ ...ground, directory, settings })
    return {
      operations: witnessHandlers({ witness, store }),
      offers: { countForks: store.countForks, isWitness: witness !== undefined },
      routes: {
        public: async (app) => {
          if (witness !== undefined) await publicWitnessRoutes(app, witness, ground.clock)
        },
      },
    }
  },
}
