/** What this registry knows of federated instances: look-ups over the newest verified configuration of each, while it is valid. */
import { createHash } from 'node:crypto'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { RegistrationService } from '#schemas/global-configuration.ts'
import { readParameters } from './read-federated.ts'
import type { FederationStore } from './store.ts'

export type Partner = {
  index: ConfigurationIndex
  /** Undefined where the other instance takes no documents of ours: X-Road's central server. */
  registration: RegistrationService | undefined
}

export type FederatedViews = {
  /** Undefined for an instance that is not trusted, or of which nothing valid was read. */
  of(instance: string): Promise<Partner | undefined>
  /** The same; throws `federated_configuration_outdated`. */
  mustKnow(instance: string): Promise<Partner>
  /** Instances that are trusted, whether or not anything is known of them. */
  trusted(): Promise<string[]>
}

export function createFederatedViews(q: { store: FederationStore; clock: Clock }): FederatedViews {
  /** Reading a country's configuration takes a moment: once for each content. */
  const indexes = new Map<string, { digest: string; index: ConfigurationIndex }>()

  async function of(instance: string): Promise<Partner | undefined> {
    const row = await q.store.configuration(instance)
    if (row?.shared == null || row.expires_at === null || Date.parse(row.expires_at) <= q.clock())
      return undefined
    const shared = Buffer.from(row.shared)
    const digest = createHash('sha256').update(shared).digest('hex')
    let held = indexes.get(instance)
    if (held?.digest !== digest) {
      held = { digest, index: indexConfiguration(await readParameters(shared, instance)) }
      indexes.set(instance, held)
    }
    const registration =
      row.registration === null ? undefined : (JSON.parse(row.registration) as RegistrationService)
    return { index: held.index, registration }
  }

  return {
    of,
    async mustKnow(instance) {
      const partner = await of(instance)
      if (partner === undefined) throw new Fault('federated_configuration_outdated', { what: instance })
      return partner
    },
    trusted: async () => (await q.store.trusted()).map(({ anchor }) => anchor.instance),
  }
}
