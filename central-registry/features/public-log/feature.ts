/** The transparency log for everybody: signed checkpoints, cosigned by witnesses of others, with tiles, proofs and a page about checking. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { createWitnessClient } from '#platform/witness/client.ts'
import { createOwnWitnesses, type OwnWitnesses } from '#platform/witness/own-witnesses.ts'
import type { IdentityKeys } from '../../configuration/identity-keys/identity-keys.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import { createMakeCheckpoint } from './make-checkpoint.ts'
import { historyPage } from './page/routes.ts'
import { readPublicLogPolicy } from './policy.ts'
import { publicLogRoutes } from './routes.ts'
import { createServed } from './served-checkpoint.ts'
import type { PublicLogSettings } from './settings.ts'
import { createPublicLogStore } from './store.ts'
import { publicLogMigrations } from './tables.ts'

type Ground = Pick<Services, 'database' | 'clock' | 'log' | 'metrics'> & {
  settings: {
    publicUrl: string
    configuration: { otherUrls?: string[] | undefined }
    publicLog?: PublicLogSettings | undefined
  }
  transparencyLog: LogStore
  identityKeys: IdentityKeys | undefined
}

type Offers = { publicLog: { origin: string; publicKey: KeyObject } | undefined }

const CHECKPOINT_SECONDS = 60

export const publicLog: FeatureModule<Ground, Offers> = {
  name: 'public-log',
  migrations: publicLogMigrations,
  open: async (ground) => {
    const { settings, identityKeys, transparencyLog, clock, log: logger, metrics } = ground
    const { publicLog: named, publicUrl } = settings
    if (named === undefined || identityKeys === undefined) return { offers: { publicLog: undefined } }
    const origin = named.name
    const publicKey = createPublicKey(identityKeys.log)
    const verifierKey = writeVerifierKey({ name: origin, publicKey }, 'log')
    const store = createPublicLogStore(ground.database)
    const make = createMakeCheckpoint({ origin, key: identityKeys.log, log: transparencyLog, store, clock })
    const witnesses = await openWitnesses()
    const served = createServed(store, witnesses)
    /** Until this node has signed once, it looks each second whether the log has begun. */
    let hasSigned = false
    metrics.watch(
      'concordat_public_log_witnessed_age_seconds',
      'Age of the newest checkpoint of the transparency log that a quorum cosigned',
      () => {
        const at = witnesses?.witnessed().at ?? null
        return at === null ? 0 : Math.max(0, (clock() - Date.parse(at)) / 1000)
      },
    )
    return {
      routes: {
        public: async (app) => {
          await publicLogRoutes(app, { verifierKey, log: transparencyLog, store, served, clock })
          await historyPage(app, { origin, verifierKey, publicUrl, store, served, witnesses, clock })
        },
      },
      jobs: [
        {
          ...{ kind: 'sign-log-head', everySeconds: CHECKPOINT_SECONDS, immediately: true },
          isDue: async () => !hasSigned && (await transparencyLog.size()) > 0,
          run: async () => {
            await make()
            hasSigned = (await store.newest()) !== undefined
            await witnesses?.submit()
          },
        },
      ],
      ...(witnesses !== undefined && { health: { 'log-witnesses': witnesses.health } }),
      offers: { publicLog: { origin, publicKey } },
    }

    async function openWitnesses(): Promise<OwnWitnesses | undefined> {
      if (named?.witnessPolicyFile === undefined) return undefined
      const own = [publicUrl, ...(settings.configuration.otherUrls ?? [])]
      const { policy } = await readPublicLogPolicy(named.witnessPolicyFile, own)
      const log = {
        logKey: async () => verifierKey,
        newestCheckpoint: async () => (await store.newest())?.note,
        proveConsistency: transparencyLog.consistency,
        putCosignature: store.putCosignature,
        newestCosigned: store.newestCosigned,
        putContradiction: store.putContradiction,
        contradictions: store.contradictions,
      }
      return createOwnWitnesses({ policy, log, transport: createWitnessClient, clock, logger })
    }
  },
}
