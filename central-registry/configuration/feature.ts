/**
 * The global configuration: published after each change, signed, recorded in the public transparency log and
 * served to security servers.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Services } from '#platform/services.ts'
import type { MemberStore } from '../members/store.ts'
import { PUBLISH } from './announce-publication.ts'
import { createFollowOthers } from './follow-others.ts'
import type { HighWater } from './high-water.ts'
import type { IdentityKeys } from './identity-keys/identity-keys.ts'
import { publishedLogKeys } from './identity-keys/published-log-keys.ts'
import { publicRoutes } from './public-routes.ts'
import { createPublish } from './publish.ts'
import { configurationHandlers } from './routes.ts'
import type { PrivateKeys } from './signing-keys/private-keys.ts'
import type { SigningKeyStore } from './signing-keys/store.ts'
import type { PublicationStore } from './store.ts'
import { FOLLOW_LEAVES_SECONDS, followLeavesOf } from './transparency-log/follow-leaves.ts'
import type { LeafFile } from './transparency-log/leaf-file.ts'
import { logRoutes } from './transparency-log/public-routes.ts'
import type { LogStore } from './transparency-log/store.ts'

type Ground = Pick<Services, 'clock'> & {
  settings: {
    database: string
    directory: string
    publicUrl: string
    publicLog?: { name: string } | undefined
    configuration: {
      validitySeconds: number
      renewSeconds: number
      ocspFreshnessSeconds: number
      timeStampingIntervalSeconds: number
      outageGrace: boolean
      otherUrls?: string[] | undefined
    }
  }
  publications: PublicationStore
  transparencyLog: LogStore
  leafFile: LeafFile
  highWater: HighWater
  listHighWater: HighWater
  keys: SigningKeyStore
  privateKeys: PrivateKeys
  identityKeys: IdentityKeys | undefined
  members: MemberStore
  /** The listener at which servers register; undefined when the settings have none. */
  registrationService: { port: number; certificate: Buffer } | undefined
  suspensions: { ensureList(): Promise<unknown> }
  memory: { remember(): Promise<void> }
  timeProofFinding(): Promise<Finding>
  restoration: { isClosed(): Promise<string | undefined> }
}

export const configuration: FeatureModule<Ground> = {
  name: 'configuration',
  open: (ground) => {
    const { settings, publications, transparencyLog, memory, clock } = ground
    const { publicUrl, configuration: validity } = settings
    const publish = createPublish({
      ...{ ...ground, ...validity, store: publications, database: settings.database },
      ensureSuspensionList: ground.suspensions.ensureList,
      remember: memory.remember,
      now: () => new Date(clock()),
      sourceAddress: new URL(publicUrl).host,
      registration: ground.registrationService,
      logKeys: () => publishedLogKeys({ ...ground, origin: settings.publicLog?.name }),
    })
    const { isBehind, follow } = createFollowOthers({ ...ground, reached: publications.reached })
    return {
      operations: configurationHandlers({ ...ground, ...validity, store: publications, publish, publicUrl }),
      routes: {
        public: (app) => {
          publicRoutes(app, publications)
          logRoutes(app, transparencyLog)
        },
      },
      jobs: [
        {
          ...{ kind: PUBLISH, everySeconds: validity.renewSeconds, immediately: true },
          run: async () => void (await publish()),
        },
        {
          ...{
            kind: followLeavesOf(settings.directory),
            everySeconds: FOLLOW_LEAVES_SECONDS,
            immediately: true,
          },
          isDue: isBehind,
          run: () => follow().then(memory.remember),
        },
      ],
      health: {
        clock: ground.timeProofFinding,
        configuration: async () => {
          const closed = await ground.restoration.isClosed()
          if (closed !== undefined) return { ok: false, reason: closed }
          const newest = await publications.newest()
          if (newest === undefined) return { ok: false, reason: 'nothing was published: make a signing key' }
          const reason = `index ${newest.index} expires ${newest.expiresAt}`
          return { ok: Date.parse(newest.expiresAt) > clock(), reason }
        },
      },
    }
  },
}
