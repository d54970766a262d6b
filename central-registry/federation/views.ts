/** What this registry knows of federated instances: look-ups over the newest verified configuration of each, while it is valid. */
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import type { RegistrationService } from '#schemas/global-configuration.ts'
import { readParameters } from './read-federated.ts'
import { certificatesOf } from './rules.ts'
import type { FederationStore } from './store.ts'

export type Partner = {
  instance: string
  /** DER: of the anchor's keys, and of those that the instance announced since. */
  certificates: Buffer[]
  index: ConfigurationIndex
  /** Undefined where the other instance takes no documents of ours: X-Road's central server. */
  registration: RegistrationService | undefined
}

export type FederatedViews = {
  /** Reads what changed: before a transaction, in which the others are asked. */
  load(): Promise<void>
  /** Undefined for an instance that is not trusted, or of which nothing valid was read. */
  of(instance: string): Partner | undefined
  all(): Partner[]
}

type Held = Partner & { digest: string; expiresAt: number }

export function createFederatedViews(q: { store: FederationStore; clock: Clock }): FederatedViews {
  let held = new Map<string, Held>()
  const isValid = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > q.clock()

  async function indexOf(instance: string, digest: string): Promise<ConfigurationIndex | undefined> {
    const known = held.get(instance)
    // Reading a country's configuration takes a moment: once for each content.
    if (known?.digest === digest) return known.index
    const shared = (await q.store.configuration(instance))?.shared
    return shared == null
      ? undefined
      : indexConfiguration(await readParameters(Buffer.from(shared), instance))
  }

  return {
    async load() {
      const anchors = new Map((await q.store.trusted()).map((one) => [one.sha256, one.anchor]))
      const next = new Map<string, Held>()
      for (const row of await q.store.configurations()) {
        const anchor = anchors.get(row.anchor)
        const expiresAt = Date.parse(row.expires_at ?? '')
        const { instance, shared_sha256: digest } = row
        if (anchor === undefined || digest === null || !isValid({ expiresAt })) continue
        const index = await indexOf(instance, digest)
        if (index === undefined) continue
        const learned = row.learned === null ? [] : (JSON.parse(row.learned) as string[])
        next.set(instance, {
          ...{ instance, index, digest, expiresAt },
          certificates: [...certificatesOf(anchor), ...learned.map((one) => Buffer.from(one, 'base64'))],
          registration:
            row.registration === null ? undefined : (JSON.parse(row.registration) as RegistrationService),
        })
      }
      held = next
    },
    of: (instance) => {
      const one = held.get(instance)
      return one !== undefined && isValid(one) ? one : undefined
    },
    all: () => [...held.values()].filter(isValid),
  }
}
