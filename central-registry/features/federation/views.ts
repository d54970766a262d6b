/** Look-ups over the newest verified configuration of each federated instance, while it is valid. */
import { setTimeout as wait } from 'node:timers/promises'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createSingleFlight } from '#platform/time-limits.ts'
import type { ConfigurationAnchor, RegistrationService } from '#schemas/global-configuration.ts'
import { readParameters } from './read-federated.ts'
import { certificatesOf } from './rules.ts'
import type { FederationStore } from './store.ts'

type Partner = {
  instance: string
  /** DER of the certificates of the anchor's keys, and of those that the instance has announced since. */
  certificates: Buffer[]
  index: ConfigurationIndex
  /** Undefined when the other instance accepts no documents of ours, as X-Road's central server. */
  registration: RegistrationService | undefined
}

export type FederatedViews = {
  /** Reads what has changed. Call it before the transaction that uses `of` or `all`. */
  load(): Promise<void>
  /** Undefined for an instance that is not trusted or has no valid configuration. */
  of(instance: string): Partner | undefined
  all(): Partner[]
}

/** A partner as it was when its parameters were parsed. */
type Held = Partner & { anchor: string; digest: string; expiresAt: number }
type Read = { digest: string; index: ConfigurationIndex }
type Row = Awaited<ReturnType<FederationStore['configurations']>>[number]

/**
 * Parsing a country's configuration takes a moment. Waiting ends after this many milliseconds; parsing goes
 * on, and the earlier view is used meanwhile.
 */
const WAITED_MS = 5_000
const READ_WITHIN_MS = 120_000

export function createFederatedViews(q: {
  store: Pick<FederationStore, 'trusted' | 'configurations' | 'configuration'>
  clock: Clock
  log: Log
  /** Set only in tests. */
  read?: typeof readParameters | undefined
  waitedMs?: number | undefined
}): FederatedViews {
  const { store, log, read = readParameters } = q
  const singleFlight = createSingleFlight(READ_WITHIN_MS)
  const lately = new Map<string, Read>()
  let held = new Map<string, Held>()
  let [begun, taken] = [0, 0]
  const isValid = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > q.clock()

  async function readAnew(instance: string): Promise<void> {
    try {
      const { shared, shared_sha256: digest } = (await store.configuration(instance)) ?? {}
      if (shared == null || digest == null) return
      lately.set(instance, { digest, index: indexConfiguration(await read(Buffer.from(shared), instance)) })
    } catch (thrown) {
      log.warn({ err: thrown, instance }, 'what was kept of a federated instance cannot be read')
    }
  }

  /** Undefined while the parameters are not parsed yet, or cannot be parsed. */
  async function indexOf(instance: string, digest: string): Promise<ConfigurationIndex | undefined> {
    const known = (): Read | undefined =>
      [held.get(instance), lately.get(instance)].find((one) => one?.digest === digest)
    if (known() !== undefined) return known()?.index
    const waited = wait(q.waitedMs ?? WAITED_MS, undefined, { ref: false })
    // Parses once for all callers that wait; a second time when the first parsing was of earlier content.
    for (let tries = 0; tries < 2 && known() === undefined; tries++)
      await Promise.race([singleFlight(instance, () => readAnew(instance)), waited])
    return known()?.index
  }

  async function viewOf(row: Row, anchor: ConfigurationAnchor): Promise<Held | undefined> {
    const expiresAt = Date.parse(row.expires_at ?? '')
    const { instance, shared_sha256: digest } = row
    if (digest === null || !isValid({ expiresAt })) return undefined
    const index = await indexOf(instance, digest)
    const before = held.get(instance)
    if (index === undefined) return before?.anchor === row.anchor ? before : undefined
    const learned = row.learned === null ? [] : (JSON.parse(row.learned) as string[])
    return {
      ...{ instance, index, anchor: row.anchor, digest, expiresAt },
      certificates: [...certificatesOf(anchor), ...learned.map((one) => Buffer.from(one, 'base64'))],
      registration:
        row.registration === null ? undefined : (JSON.parse(row.registration) as RegistrationService),
    }
  }

  return {
    async load() {
      begun += 1
      const turn = begun
      const anchors = new Map((await store.trusted()).map((one) => [one.sha256, one.anchor]))
      const rows = (await store.configurations()).filter(({ anchor }) => anchors.has(anchor))
      const views = await Promise.all(rows.map((row) => viewOf(row, anchors.get(row.anchor)!)))
      // A call that began later has read newer data.
      if (turn < taken) return
      taken = turn
      held = new Map(views.flatMap((one) => (one === undefined ? [] : [[one.instance, one] as const])))
      const kept = new Set(rows.map(({ instance }) => instance))
      for (const instance of lately.keys()) if (!kept.has(instance)) lately.delete(instance)
    },
    of: (instance) => {
      const one = held.get(instance)
      return one !== undefined && isValid(one) ? one : undefined
    },
    all: () => [...held.values()].filter(isValid),
  }
}
