/**
 * The transparency log for everybody: signed checkpoints, cosigned by witnesses of others, with tiles, proofs
 * and a page about checking.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Services } from '#platform/services.ts'
import type { AskWitness } from '#platform/witness/ask-witness.ts'
import { createWitnessClient } from '#platform/witness/client.ts'
import { createOwnWitnesses, type OwnWitnesses } from '#platform/witness/own-witnesses.ts'
import { readWitnessKey, WITNESS_KEY_FILE } from '#platform/witness/witness-key.ts'
import { say } from '#schemas/said.ts'
import type { IdentityKeys } from '../../configuration/identity-keys/identity-keys.ts'
import { publishedLogKeys } from '../../configuration/identity-keys/published-log-keys.ts'
import type { LeafFile } from '../../configuration/transparency-log/leaf-file.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import type { ApprovedRooms } from '../../documents/approved-now.ts'
import type { CountDocument } from '../../documents/count.ts'
import { createMayGoOn } from './after-restoration.ts'
import { createMakeCheckpoint } from './make-checkpoint.ts'
import { historyPage } from './page/routes.ts'
import { readPublicLogPolicy, serverOf } from './policy.ts'
import { type LogKeyShown, publicLogRoutes } from './routes.ts'
import { createServed } from './served-checkpoint.ts'
import { createServerWitnessStore } from './server-witnesses-store.ts'
import type { PublicLogSettings } from './settings.ts'
import { createPublicLogStore, type PublicLogStore } from './store.ts'
import { publicLogMigrations } from './tables.ts'
import { contradictionHandlers } from './take-contradiction.ts'
import { cosignatureHandlers } from './take-cosignature.ts'
import { logWitnessHandlers } from './witnesses.ts'

type Ground = Pick<Services, 'database' | 'clock' | 'log' | 'metrics'> &
  ApprovedRooms & {
    countDocument: CountDocument
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

type Offers = {
  publicLog: { origin: string } | undefined
  /** Handlers of the registration API. */
  logRegistrations: Record<string, OperationHandler>
}

const CHECKPOINT_SECONDS = 60

export const publicLog: FeatureModule<Ground, Offers> = {
  name: 'public-log',
  migrations: publicLogMigrations,
  open: async (ground) => {
    const { settings, identityKeys, transparencyLog, clock, log: logger, metrics } = ground
    const { publicLog: named, publicUrl } = settings
    if (named === undefined || identityKeys === undefined)
      return {
        operations: logWitnessHandlers(undefined),
        offers: {
          publicLog: undefined,
          logRegistrations: registrations(ground, undefined),
        },
      }
    const origin = named.name
    const accepted = async (): Promise<string[]> =>
      (await publishedLogKeys({ identityKeys, origin, clock }))!.keys
    const servers = createServerWitnessStore(ground.database, origin)
    const policy = await policyOf(named)
    const first = policy?.witnesses.map(({ name }) => name)
    const store = createPublicLogStore(ground.database, origin, first)
    const transport = (url: string): AskWitness | undefined =>
      serverOf(url) !== undefined ? undefined : createWitnessClient(url)
    const mayGoOn = createMayGoOn({
      ...{ origin, policy, store, log: transparencyLog, transport },
      acceptedAt: store.restorationAcceptedAt,
    })
    const { leafFile } = ground
    const make = createMakeCheckpoint({
      ...{ origin, keys: identityKeys.log, log: transparencyLog, leafFile, store, mayGoOn, clock },
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
      operations: logWitnessHandlers({ store, servers, policy, served }),
      routes: {
        public: async (app) => {
          await publicLogRoutes(app, { keys: shownKeys, log: transparencyLog, store, servers, served, clock })
          await historyPage(app, { origin, accepted, publicUrl, store, servers, served, policy, clock })
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
      health: { 'log-witnesses': witnesses?.health ?? (() => contradicted(store)) },
      offers: {
        publicLog: { origin },
        logRegistrations: registrations(ground, {
          policy,
          origin,
          accepted,
          tree: transparencyLog,
          leafFile,
          store,
          servers,
        }),
      },
    }

    async function shownKeys(): Promise<LogKeyShown[]> {
      return (await identityKeys!.log.all()).map(({ publicKey, madeAt, acceptedUntil }) => ({
        verifierKey: writeVerifierKey({ name: origin, publicKey }, 'log'),
        ...{ from: madeAt, until: acceptedUntil },
      }))
    }

    async function policyOf(of: PublicLogSettings): Promise<WitnessPolicy | undefined> {
      if (of.witnessPolicyFile === undefined) return undefined
      const urls = [publicUrl, ...(settings.configuration.otherUrls ?? [])]
      const file = path.join(settings.directory, WITNESS_KEY_FILE)
      // A key that is made only at this start stands in no policy yet.
      const own = settings.witness && existsSync(file) && (await readWitnessKey(file, settings.witness.name))
      const key = own ? own.privateKey : undefined
      return readPublicLogPolicy(of.witnessPolicyFile, { urls, key, members: await servers.operators() })
    }

    function openWitnesses(of: WitnessPolicy): OwnWitnesses {
      const log: Parameters<typeof createOwnWitnesses>[0]['log'] = {
        logKey: async () => (await accepted())[0]!,
        // Not those that ended: one that was stolen signs no history of ours.
        olderKeys: async () => (await accepted()).slice(1),
        newestCheckpoint: async () => (await store.newest())?.note,
        proveConsistency: transparencyLog.consistency,
        putCosignature: store.putCosignature,
        newestCosigned: store.newestCosigned,
        putContradiction: async (found) => (await store.putContradiction(found)) === 'new',
        contradictions: store.contradictions,
      }
      return createOwnWitnesses({ policy: of, log, transport, clock, logger })
    }
  },
}

/** Without a policy nobody is asked, and security servers tell what they know. */
async function contradicted(store: Pick<PublicLogStore, 'contradictions'>): Promise<Finding> {
  const [first] = await store.contradictions()
  if (first === undefined) return { ok: true }
  return { ok: true, reason: say`${first.witness} knows another history of this log (${first.kind})` }
}

type Told = Parameters<typeof cosignatureHandlers>[0]['log'] &
  Parameters<typeof contradictionHandlers>[0]['log']

/** What security servers post to the registration listener. */
function registrations(ground: Ground, log: Told): Offers['logRegistrations'] {
  const counting = (purpose: string) => ({
    count: (outcome: string): void => ground.countDocument(purpose, outcome),
  })
  return {
    ...cosignatureHandlers({ ...ground, ...counting('log-cosignature'), log }),
    ...contradictionHandlers({ ...ground, ...counting('log-contradiction'), log, logger: ground.log }),
  }
}
