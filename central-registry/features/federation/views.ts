/** What this registry knows of federated instances: look-ups over the newest verified configuration of each, while it is valid. */
import { setTimeout as wait } from 'node:timers/promises'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import { createApart } from '#platform/apart.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { ConfigurationAnchor, RegistrationService } from '#schemas/global-configuration.ts'
import { readParameters } from './read-federated.ts'
import { certificatesOf } from './rules.ts'
import type { FederationStore } from './store.ts'

type Partner = {
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

/** As it was when its parameters were read. */
type Held = Partner & { anchor: string; digest: string; expiresAt: number }
type Read = { digest: string; index: ConfigurationIndex }
type Row = Awaited<ReturnType<FederationStore['configurations']>>[number]

/** Reading a country's configuration takes a moment: one that takes longer is read on, and what was known of it serves. */
const WAITED_MS = 5_000
const READ_WITHIN_MS = 120_000

export function createFederatedViews(q: {
  store: Pick<FederationStore, 'trusted' | 'configurations' | 'configuration'>
  clock: Clock
  log: Log
  /** Only for tests. */
  read?: typeof readParameters | undefined
  waitedMs?: number | undefined
}): FederatedViews {
  const { store, log, read = readParameters } = q
  const apart = createApart(READ_WITHIN_MS)
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

  /** Undefined while it is not read yet, or cannot be. */
  async function indexOf(instance: string, digest: string): Promise<ConfigurationIndex | undefined> {
    const known = (): Read | undefined =>
      [held.get(instance), lately.get(instance)].find((one) => one?.digest === digest)
    if (known() !== undefined) return known()?.index
    const waited = wait(q.waitedMs ?? WAITED_MS, undefined, { ref: false })
    // Once, however many wait for it; again when what was being read was the content before.
    for (let tries = 0; tries < 2 && known() === undefined; tries++)
      await Promise.race([apart(instance, () => readAnew(instance)), waited])
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
      // One that began later has seen more.
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
