/** The transparency log for everybody: signed checkpoints, cosigned by witnesses of others, with tiles, proofs and a page about checking. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { createWitnessClient } from '#platform/witness/client.ts'
import { createOwnWitnesses, type OwnWitnesses } from '#platform/witness/own-witnesses.ts'
import { readWitnessKey, WITNESS_KEY_FILE } from '#platform/witness/witness-key.ts'
import type { IdentityKeys } from '../../configuration/identity-keys/identity-keys.ts'
import type { LeafFile } from '../../configuration/transparency-log/leaf-file.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import { createMayGoOn } from './after-restoration.ts'
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
    directory: string
    configuration: { otherUrls?: string[] | undefined }
    witness?: { name: string } | undefined
    publicLog?: PublicLogSettings | undefined
  }
  transparencyLog: LogStore
  leafFile: LeafFile
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
    const store = createPublicLogStore(ground.database, origin)
    const policy = await policyOf(named)
    const mayGoOn = createMayGoOn({
      ...{ origin, policy, store, log: transparencyLog, transport: createWitnessClient },
      acceptedAt: store.restorationAcceptedAt,
    })
    const { leafFile } = ground
    const make = createMakeCheckpoint({
      ...{ origin, key: identityKeys.log, log: transparencyLog, leafFile, store, mayGoOn, clock },
    })
    const witnesses = policy && openWitnesses(policy)
    const served = createServed(store, policy)
    /** Until the log has begun, this node looks each second whether it has. */
    let hasBegun = false
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
          await historyPage(app, { origin, verifierKey, publicUrl, store, served, policy, clock })
        },
      },
      jobs: [
        {
          ...{ kind: 'sign-log-head', everySeconds: CHECKPOINT_SECONDS, immediately: true },
          isDue: async () => !hasBegun && (await transparencyLog.size()) > 0,
          run: async () => {
            hasBegun = (await transparencyLog.size()) > 0
            await make()
            await witnesses?.submit()
            // Notes which one others get, so that it is kept even if nobody asks for it.
            if ((await store.newest()) !== undefined) await served()
          },
        },
      ],
      ...(witnesses !== undefined && { health: { 'log-witnesses': witnesses.health } }),
      offers: { publicLog: { origin, publicKey } },
    }

    async function policyOf(of: PublicLogSettings): Promise<WitnessPolicy | undefined> {
      if (of.witnessPolicyFile === undefined) return undefined
      const urls = [publicUrl, ...(settings.configuration.otherUrls ?? [])]
      const file = path.join(settings.directory, WITNESS_KEY_FILE)
      // A key that is made only at this start stands in no policy yet.
      const own = settings.witness && existsSync(file) && (await readWitnessKey(file, settings.witness.name))
      return readPublicLogPolicy(of.witnessPolicyFile, { urls, key: own ? own.privateKey : undefined })
    }

    function openWitnesses(of: WitnessPolicy): OwnWitnesses {
      const log = {
        logKey: async () => verifierKey,
        newestCheckpoint: async () => (await store.newest())?.note,
        proveConsistency: transparencyLog.consistency,
        putCosignature: store.putCosignature,
        newestCosigned: store.newestCosigned,
        putContradiction: store.putContradiction,
        contradictions: store.contradictions,
      }
      return createOwnWitnesses({ policy: of, log, transport: createWitnessClient, clock, logger })
    }
  },
}
