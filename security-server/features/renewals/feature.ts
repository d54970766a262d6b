/**
 * Certificates that renew themselves: ordered by ACME before their end, registered, activated, and the old
 * ones retired.
 */
import type { FastifyInstance } from 'fastify'
import type { FeatureModule } from '#platform/feature.ts'
import { createNodeStore } from '#platform/nodes/store.ts'
import type { Services } from '#platform/services.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import { accountHandlers } from './accounts.ts'
import { createAcmeHttp } from './acme/client.ts'
import { answerChallenges } from './answer-challenges.ts'
import { dueOf, goOnWithAll } from './go-on.ts'
import { renewalHandlers } from './handlers.ts'
import { keptHere } from './kept-here.ts'
import { renewalMigrations } from './migrations.ts'
import { holds } from './order.ts'
import { dnsProof, httpProof } from './proofs.ts'
import type { RenewalRooms } from './rooms.ts'
import { overdueOf } from './rules.ts'
import { type AcmeSettings, readAccounts } from './settings.ts'
import { createRenewalStore, type Renewal } from './store.ts'

type Ground = Pick<
  RenewalRooms,
  'server' | 'node' | 'keys' | 'globalConfiguration' | 'clock' | 'log' | 'filedRequests'
> &
  Pick<Services, 'database' | 'metrics'> & {
    localSystems: Pick<LocalSystems, 'view'>
    /** What nodes share; undefined where each has its own directory. */
    cluster: object | undefined
    settings: { acme?: AcmeSettings | undefined }
    registerOwnCertificate: RenewalRooms['registerCertificate']
  }

const IDLE_SECONDS = 3600
const DAY_MS = 24 * 3600_000
const LOOK_MS = 60_000
const NOTHING = { renewAfterShare: 1, accounts: [] }

type Offers = {
  /** Whether a certificate renews itself, and why it is late; undefined for one that people renew. */
  renewalOf(sha256: string): Promise<{ overdue: string | undefined } | undefined>
}

export const renewals: FeatureModule<Ground, Offers> = {
  name: 'renewals',
  migrations: renewalMigrations,
  open: async (ground) => {
    const { database, clock, settings, metrics, node } = ground
    const store = createRenewalStore(database)
    await store.takeOver(node)
    const nodes = createNodeStore(database)
    const sharesKeys = ground.cluster !== undefined
    const kept = { sharesKeys, presentNodes: () => nodes.present({ asLive: sharesKeys }) }
    const { acme } = settings
    const isClient = (member: string): boolean =>
      [...ground.localSystems.view().clients.values()].some(({ id }) => idText(memberOf(id)) === member)
    const offers: Offers = {
      async renewalOf(sha256) {
        if (acme === undefined) return undefined
        const row = (await store.list()).find((one) => one.is_stopped === 0 && one.current === sha256)
        return row && { overdue: overdueOf(row, clock()) }
      },
    }
    const { find, ca } = await readAccounts(acme ?? NOTHING)
    const http = acme && createAcmeHttp({ ca, clock })
    const operations = {
      ...renewalHandlers({ ...ground, ...kept, store, isClient, isSet: acme !== undefined }),
      ...accountHandlers({ ...ground, store, http }),
    }
    if (acme === undefined || http === undefined) return { operations, offers }
    const rooms: RenewalRooms = {
      ...ground,
      ...kept,
      ...{ store, http, lookMs: LOOK_MS, account: find, share: acme.renewAfterShare, country: acme.country },
      proof: acme.dnsHook === undefined ? httpProof(store, clock) : dnsProof(acme.dnsHook),
      registerCertificate: ground.registerOwnCertificate,
    }
    metrics.watch(
      'concordat_certificate_renewal_failing',
      '1 while the last try of a renewal failed',
      'renewal',
      async () =>
        (await keptHere(rooms, await store.list())).map(
          (row) => [row.id, row.is_stopped === 0 && row.error_code !== null ? 1 : 0] as const,
        ),
    )
    metrics.watch(
      'concordat_certificate_renewal_days_left',
      'Days until the certificate that a renewal keeps in use ends; 0 when there is none',
      'renewal',
      async () =>
        (await keptHere(rooms, await store.list())).map((row) => [row.id, daysLeft(rooms, row)] as const),
    )
    return {
      ...{ operations, offers },
      ...(acme.challenge !== undefined && {
        routes: { challenges: (app: FastifyInstance) => answerChallenges(app, store, clock) },
      }),
      jobs: [
        {
          // A node may have keys that no other has, so each goes on with its own renewals, one after the
          // other.
          ...{ kind: 'renew-certificates', everySeconds: IDLE_SECONDS, onEachNode: true },
          isDue: async () => (await dueOf(rooms)).length > 0,
          run: ({ signal }: { signal: AbortSignal }) => goOnWithAll(rooms, signal),
        },
      ],
      close: () => http.close(),
    }
  },
}

function daysLeft({ keys, clock }: RenewalRooms, { current }: Renewal): number {
  if (current === null || !holds(keys, current)) return 0
  return Math.max(0, (Date.parse(keys.certificate(current).notAfter) - clock()) / DAY_MS)
}
