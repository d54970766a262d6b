/**
 * Opens what all features of a registry share: the database, the register's stores, the keys and the store of
 * publications.
 */
import path from 'node:path'
import type { Migration } from 'kysely/migration'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { createPeopleStore } from '#platform/people/store.ts'
import { createHardwareToken } from '#platform/pkcs11/hardware-token.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { registryApi } from './admin/api.ts'
import { createChange } from './changes/store.ts'
import { type RegistrySettings, settingsSchema } from './config.ts'
import { announcePublication } from './configuration/announce-publication.ts'
import { createHighWater } from './configuration/high-water.ts'
import { openIdentityKeys } from './configuration/identity-keys/identity-keys.ts'
import { createIdentityKeyStore } from './configuration/identity-keys/store.ts'
import { openPrivateKeys } from './configuration/signing-keys/private-keys.ts'
import { createSignDocument } from './configuration/signing-keys/sign-document.ts'
import { createSigningKeyStore } from './configuration/signing-keys/store.ts'
import { createPublicationStore } from './configuration/store.ts'
import { createLeafFile } from './configuration/transparency-log/leaf-file.ts'
import { createLogStore } from './configuration/transparency-log/store.ts'
import { approvedNow } from './documents/approved-now.ts'
import { countDocuments } from './documents/count.ts'
import { createTimeProof } from './documents/time-proof-store.ts'
import { openMemory } from './features/restorations/memory.ts'
import { RENEW_LIST } from './features/suspensions/publish-list.ts'
import { managementCertificatesOf, registrationServiceOf } from './listeners.ts'
import { createMemberStore } from './members/store.ts'
import { createWebhookStore } from './members/webhooks/store.ts'
import { openNode } from './open-node.ts'
import { createServerStore } from './servers/store.ts'
import { createTrustStore } from './trust/store.ts'

export type RegistryGround = Awaited<ReturnType<typeof openGround>>

/**
 * Jobs that run at the same time. Recurring jobs that call other machines use at most seven, notices to other
 * machines eight. Five remain for work that stays within this registry.
 */
const CONCURRENCY = 20
/**
 * When a node dies while it publishes, another one publishes within 30 s, even if a queue loses the job for
 * another 10 s.
 */
const LEASE_SECONDS = 15

/**
 * Opens everything. `migrations` are those of all tables of the registry's database, `lock` locks a file
 * against other processes. Throws as `openPrivateKeys` and `openServices`.
 */
export function openGround(
  q: RegistrySettings,
  of: {
    migrations: Record<string, Migration>
    lock: Parameters<typeof openNode>[1]['lock']
  },
) {
  return startInTurn((inTurn) => openInTurn(q, of, inTurn))
}

async function openInTurn(
  q: RegistrySettings,
  { migrations, lock }: Parameters<typeof openGround>[1],
  inTurn: AsyncDisposableStack,
) {
  const { settings, clock } = q
  const { directory, signingToken: place } = settings
  const { ocspFreshnessSeconds } = settings.configuration
  const { services, files, cluster, claimed, close } = await openNode(q, {
    ...{ migrations, lock, leaseSeconds: LEASE_SECONDS, concurrency: CONCURRENCY },
  })
  inTurn.defer(close)
  const signingToken = place && createHardwareToken({ place, clock })
  inTurn.defer(() => signingToken?.close())
  const privateKeys = await openPrivateKeys(path.join(directory, 'signing-keys'), q.pin, {
    ...{ token: signingToken, files },
  })
  const { database, jobs, metrics } = services
  const announce = announcePublication(jobs, clock)
  const change = createChange(database, announce)
  const record = createChange(database, async () => undefined)
  // A new key signs both documents at once: a server that knows only the new key would reject a suspension
  // list signed by the old one.
  const changeKeys = createChange(database, async (within) => {
    await announce(within)
    await jobs.enqueue(RENEW_LIST, null, { key: 'change', within })
  })
  const keys = createSigningKeyStore(database, changeKeys)
  const sessions = createSessions({ database, clock })
  const members = createMemberStore(database, change)
  const trust = createTrustStore(database, change)
  const of = { database, members, trust, ocspFreshnessSeconds, clock }
  const timeProof = createTimeProof({ database, clock })
  return {
    ...services,
    ...{ settings, settingsFile: q.settingsFile, settingsSchema, backupKey: q.backupKey },
    ...{ cluster, claimed },
    ...{ clientSecret: q.clientSecret, mailServer: q.mailServer },
    /**
     * `change` also asks for a publication, `changeKeys` for a suspension list, too, `record` for nothing.
     */
    ...{ announce, change, changeKeys, record },
    ...{ members, trust, ocspFreshnessSeconds, servers: createServerStore(database, change) },
    /** Reads the approved CAs as of now. */
    approved: () => approvedNow(of),
    ...{ keys, privateKeys, signingToken, signDocument: createSignDocument({ keys, privateKeys }) },
    /** Undefined without `publicLog`: no key is made that nobody asked for. */
    identityKeys:
      settings.publicLog === undefined
        ? undefined
        : await openIdentityKeys({
            directory: path.join(directory, 'signing-keys'),
            pin: q.pin,
            files,
            keys: createIdentityKeyStore(database),
          }),
    publications: createPublicationStore(database),
    highWater: createHighWater(path.join(directory, 'highest-published-index')),
    listHighWater: createHighWater(path.join(directory, 'highest-suspension-list')),
    transparencyLog: createLogStore(database),
    leafFile: createLeafFile(path.join(directory, 'transparency-log-leaves')),
    memory: openMemory({ database, directory, clock }),
    webhooks: createWebhookStore(database, record),
    countDocument: countDocuments(metrics),
    sessions,
    people: createPeopleStore({
      ...{ database, sessions, issuer: settings.login?.issuer },
      // Without at least one person in each of these roles, nobody could admit other people or repair trust.
      indispensable: ['XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR'],
    }),
    apiOperations: readOperations(await registryApi()),
    registrationService: await registrationServiceOf(settings.registration),
    managementCertificates: await managementCertificatesOf(settings.managementService),
    isTimeProven: timeProof.isProven,
    timeProofFinding: timeProof.finding,
    closeGround: () => inTurn.disposeAsync(),
  }
}
