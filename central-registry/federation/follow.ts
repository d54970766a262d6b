/**
 * Reads the configuration of every trusted instance anew: what is verified takes the place of the copy before, which otherwise
 * serves until it expires. A failure of one instance is its own: it is written down and holds up no other.
 */
import { readCertificate } from '#core/certificate/certificate.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { ImportClient } from '../imports/client.ts'
import { readFederated } from './read-federated.ts'
import type { FederationStore } from './store.ts'

export type Follow = () => Promise<void>

export function createFollow(q: {
  store: FederationStore
  client: Pick<ImportClient, 'get'>
  clock: Clock
  log: Log
}): Follow {
  const { store } = q

  async function follow(sha256: string, anchor: ConfigurationAnchor): Promise<void> {
    const { instance } = anchor
    const at = new Date(q.clock())
    const row = await store.configuration(instance)
    const known = {
      learned: row?.learned == null ? [] : certificatesOf(row.learned),
      index: row?.configuration_index == null ? undefined : Number(row.configuration_index),
      shared: row?.shared == null ? undefined : Buffer.from(row.shared),
    }
    try {
      const read = await readFederated(anchor, known, { client: q.client, now: at })
      await store.keepRead(instance, sha256, {
        ...{ tried_at: at.toISOString(), read_at: at.toISOString(), failure: null, url: read.url },
        ...{ version: read.version, expires_at: read.expiresAt.toISOString() },
        configuration_index: read.index ?? null,
        registration: read.registration === undefined ? null : JSON.stringify(read.registration),
        learned: JSON.stringify(read.learned.filter(isReadable).map((der) => der.toString('base64'))),
        shared: read.shared,
      })
    } catch (thrown) {
      const { message } = asFault(thrown)
      if (row?.failure !== message) q.log.warn({ err: thrown, instance }, 'a federated instance was not read')
      await store.keepRead(instance, sha256, { tried_at: at.toISOString(), failure: message })
    }
  }

  return async () => {
    const trusted = await store.trusted()
    await Promise.all(trusted.map(({ sha256, anchor }) => follow(sha256, anchor)))
  }
}

function certificatesOf(json: string): Buffer[] {
  return (JSON.parse(json) as string[]).map((one) => Buffer.from(one, 'base64'))
}

function isReadable(der: Buffer): boolean {
  try {
    readCertificate(der)
    return true
  } catch {
    return false
  }
}
