/**
 * Identity without a chain: DIDs of the instance, its members and their servers, tied to the transparency
 * log, and credentials.
 */
import type { KeyObject } from 'node:crypto'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { asFault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { IdentityKeys } from '../../configuration/identity-keys/identity-keys.ts'
import { createIdentityKeyStore } from '../../configuration/identity-keys/store.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import { claimAddress } from './claim-address.ts'
import { createCredentials, type Offered } from './credentials.ts'
import { createCredentialStore } from './credentials-store.ts'
import { createFactsStore, type Own } from './facts-store.ts'
import { identityKeyHandlers } from './replace-key.ts'
import { publishedKeyHandlers } from './replace-published-key.ts'
import { identityRoutes } from './routes.ts'
import type { IdentitySettings } from './settings.ts'
import { createIdentityStore } from './store.ts'
import { createUpdate } from './update.ts'

type Ground = Pick<Services, 'database' | 'clock'> & {
  settings: { publicUrl: string; identity?: IdentitySettings | undefined }
  transparencyLog: LogStore
  identityKeys: IdentityKeys | undefined
  restoration: { isClosed(): Promise<string | undefined> }
  catalogue: Offered
  /** The log that is signed for everybody; undefined without it, and then there are no DIDs either. */
  publicLog: { origin: string } | undefined
}

const UPDATE_SECONDS = 600

export const identity: FeatureModule<Ground> = {
  name: 'identity',
  open: async ({
    database,
    clock,
    settings,
    restoration,
    transparencyLog: log,
    identityKeys: keys,
    publicLog,
    catalogue,
  }) => {
    if (keys === undefined || publicLog === undefined)
      return { operations: { ...identityKeyHandlers(undefined), ...publishedKeyHandlers(undefined) } }
    const store = createIdentityStore(database)
    const url = await claimAddress({
      url: settings.identity?.url ?? settings.publicUrl,
      claims: createIdentityKeyStore(database),
      did: (await store.subject(''))?.did,
    })
    const jwkOf = (key: KeyObject) => key.export({ format: 'jwk' }) as Record<string, unknown>
    const own = async (): Promise<Own> => ({
      keys: [
        ...(await keys.credentials.accepted(clock())).map(({ name, publicKey }) => ({
          ...{ name, jwk: jwkOf(publicKey), use: 'assertionMethod' as const },
        })),
        ...(await keys.log.accepted(clock())).map(({ name, publicKey }) => ({
          ...{ name, jwk: jwkOf(publicKey), use: undefined },
        })),
      ],
      services: [
        { name: 'configuration', type: 'XRoadGlobalConfiguration', endpoint: `${url}/internalconf` },
        { name: 'log', type: 'TransparencyLog', endpoint: `${url}/log` },
      ],
    })
    const facts = createFactsStore(database)
    const credentials = createCredentials({
      store: createCredentialStore(database),
      log,
      catalogue: settings.identity?.services === true ? catalogue : undefined,
      keys: keys.credentials,
      url,
      isClosed: restoration.isClosed,
      clock,
    })
    const { histories } = keys
    const update = createUpdate({ facts, store, keys: histories, own, url, clock })
    return {
      operations: {
        ...identityKeyHandlers({ histories, store, facts, clock }),
        ...publishedKeyHandlers({ ...keys, clock }),
      },
      health: {
        // A node that has not got the newest files signs with the keys before, as long as these are accepted.
        'published-keys': async () => {
          try {
            for (const one of [keys.log, keys.credentials]) {
              const [newest] = await one.accepted(clock())
              const [signer] = await one.signers(clock())
              if (signer?.number !== newest?.number)
                return {
                  ok: true,
                  reason: say`bring identity-${newest!.name}.pem from the node that made it`,
                }
            }
            return { ok: true }
          } catch (thrown) {
            // No head of the log and no credential is signed here.
            return { ok: false, reason: asFault(thrown).message }
          }
        },
        // Until each is here by which histories go on, or lost for good, none goes on.
        'identity-key': async () => {
          const inUse = new Set([await histories.newest(), ...(await store.keysInUse())])
          try {
            for (const of of inUse) if (!(await histories.isLost(of))) await histories.entryKey(of, '', 1)
            return { ok: true }
          } catch (thrown) {
            return { ok: true, reason: asFault(thrown).message }
          }
        },
      },
      routes: { public: (app) => identityRoutes(app, { store, credentials, clock }) },
      // Certificates expire without a change of the register.
      jobs: [{ kind: 'update-identities', everySeconds: UPDATE_SECONDS, immediately: true, ...update }],
    }
  },
}
