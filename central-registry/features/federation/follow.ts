/**
 * Reads the configuration of every trusted instance again. A verified configuration replaces the stored one,
 * which is otherwise used until it expires. The failure of one instance is recorded, and neither a failing
 * nor a slow instance delays the others.
 */
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { readCertificate } from '#core/certificate/certificate.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createSingleFlight, within } from '#platform/time-limits.ts'
import { asFault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { ImportClient } from '../../configuration/other-instances/client.ts'
import { readFederated } from './read-federated.ts'
import type { FederationStore } from './store.ts'

type Follow = {
  /** Resolves when each instance was read or has failed, within two minutes. */
  all(): Promise<void>
  /**
   * For the recurring job: resolves after ten seconds at the latest; slow instances are read to the end in
   * the background.
   */
  briefly(): Promise<void>
}

/** Milliseconds for all sources of one instance together. */
const WITHIN_MS = 60_000
const BRIEFLY_MS = 10_000

export function createFollow(q: {
  store: FederationStore
  client: Pick<ImportClient, 'get'>
  /** Only for tests. */
  brieflyMs?: number | undefined
  clock: Clock
  log: Log
}): Follow {
  const { store } = q

  const singleFlight = createSingleFlight(WITHIN_MS)

  async function follow(sha256: string, anchor: ConfigurationAnchor, signal: AbortSignal): Promise<void> {
    const { instance } = anchor
    const at = new Date(q.clock())
    const row = await store.configuration(instance)
    const known = {
      learned: row?.learned == null ? [] : certificatesOf(row.learned),
      index: row?.configuration_index == null ? undefined : Number(row.configuration_index),
      shared: row?.shared == null ? undefined : Buffer.from(row.shared),
    }
    try {
      const bounds = { client: q.client, now: at, withinMs: WITHIN_MS }
      const read = await within(signal, readFederated(anchor, known, bounds))
      const shared_sha256 = createHash('sha256').update(read.shared).digest('hex')
      await store.keepRead(instance, sha256, {
        ...{ tried_at: at.toISOString(), read_at: at.toISOString(), failure: null, url: read.url },
        ...{ version: read.version, expires_at: read.expiresAt.toISOString() },
        configuration_index: read.index ?? null,
        registration: read.registration === undefined ? null : JSON.stringify(read.registration),
        learned: JSON.stringify(read.learned.filter(isReadable).map((der) => der.toString('base64'))),
        // A large document is written only when it has changed.
        ...(shared_sha256 === row?.shared_sha256 ? {} : { shared: read.shared, shared_sha256 }),
      })
    } catch (thrown) {
      const { message } = asFault(thrown)
      if (row?.failure !== message) q.log.warn({ err: thrown, instance }, 'a federated instance was not read')
      await store.keepRead(instance, sha256, { tried_at: at.toISOString(), failure: message })
    }
  }

  async function all(): Promise<void> {
    const trusted = await store.trusted()
    await Promise.all(
      trusted.map(({ sha256, anchor }) => singleFlight(sha256, (signal) => follow(sha256, anchor, signal))),
    )
  }

  return {
    all,
    async briefly() {
      const slow = wait(q.brieflyMs ?? BRIEFLY_MS, undefined, { ref: false })
      await Promise.race([all(), slow])
    },
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
