/**
 * A configuration proxy in this process: its instances, its listeners, and what makes it fetch again and
 * again.
 */
import path from 'node:path'
import type { Clock } from '#platform/clock.ts'
import { createHealth } from '#platform/health/create-health.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { tlsOf } from '#platform/http-service/listener-tls.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { watchCertificates } from '#platform/metrics/watch-certificates.ts'
import type { Running } from '#platform/process/run-process.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { asFault } from '#schemas/fault.ts'
import { createImportClient } from '../configuration/other-instances/client.ts'
import { openPrivateKeys, type PrivateKeys } from '../configuration/signing-keys/private-keys.ts'
import { openInstance, type ProxiedInstance } from './proxied-instance.ts'
import { createProxyKeys, type ProxyKeys } from './proxy-keys.ts'
import { proxyRoutes } from './routes.ts'
import type { ProxySettings } from './settings.ts'
import { findingOf, statusOf, watchInstances } from './status.ts'

/** A suspension has to take effect within a minute: registry, proxy and server each take a part of it. */
const LIST_EVERY_MS = 5000

type Rooms = { settings: ProxySettings; pin: string; clock: Clock; log: Log }

/** The folder of an instance, below that of the proxy. */
export function folderOf({ directory }: Pick<ProxySettings, 'directory'>, name: string): string {
  return path.join(directory, 'instances', name)
}

/** Opens the private keys. Throws `pin_incorrect`. */
export function openKeys({ settings, pin }: Pick<Rooms, 'settings' | 'pin'>): Promise<PrivateKeys> {
  return openPrivateKeys(path.join(settings.directory, 'signing-keys'), pin)
}

export function keysOf(
  { settings, clock }: Pick<Rooms, 'settings' | 'clock'>,
  name: string,
  privateKeys: PrivateKeys,
): ProxyKeys {
  return createProxyKeys({ folder: folderOf(settings, name), name, privateKeys, clock })
}

export function startProxy(rooms: Rooms): Promise<Running> {
  return startInTurn((inTurn) => startWithin(rooms, inTurn))
}

async function startWithin(rooms: Rooms, inTurn: AsyncDisposableStack): Promise<Running> {
  const { settings, clock, log } = rooms
  const [metrics, health] = [createMetrics(), createHealth()]
  const client = createImportClient()
  const privateKeys = await openKeys(rooms)
  const proxied: { instance: ProxiedInstance; keys: ProxyKeys }[] = []
  for (const one of settings.instances) {
    const keys = keysOf(rooms, one.name, privateKeys)
    const folder = folderOf(settings, one.name)
    const instance = await openInstance({ settings: one, folder, keys, client, clock, log })
    inTurn.defer(() => instance.close())
    proxied.push({ keys, instance })
  }
  const tls = await tlsOf(settings.public)
  const app = createHttpService({ name: 'configuration', log, logRequests: false, ...tls })
  const monitoring = createHttpService({ name: 'monitoring', log, ...(await tlsOf(settings.monitoring)) })
  inTurn.defer(() => monitoring.close())
  inTurn.defer(() => app.close())
  const instances = proxied.map(({ instance }) => instance)
  proxyRoutes(
    app,
    instances.map(({ settings: { name }, published }) => ({ name, published })),
  )
  for (const instance of instances) health.add(instance.settings.name, () => findingOf(instance, clock()))
  const refusals = metrics.counter(
    'concordat_configuration_proxy_refusals_total',
    'Attempts to fetch that failed or were refused',
    ['proxied', 'code'],
  )
  watchInstances(metrics, instances, clock)
  health.routes(monitoring)
  health.tell(metrics)
  await watchCertificates({ metrics, settings, clock })
  metrics.routes(monitoring)
  monitoring.get('/status', async () => statusOf(settings, proxied))

  const attempt = async (instance: ProxiedInstance, act: () => Promise<void>): Promise<void> => {
    await act().catch((cause: unknown) => {
      const [fault, { name }] = [asFault(cause), instance.settings]
      refusals.inc({ proxied: name, code: fault.code })
      log.warn({ err: fault, proxied: name }, 'nothing newer was accepted; what was accepted last stays')
    })
  }
  // The first answers already have what is published now, or what was kept if the source is away.
  const begin = async (instance: ProxiedInstance): Promise<void> => {
    await instance.restore()
    void attempt(instance, instance.refresh).then(() => attempt(instance, instance.refreshSuspensions))
  }
  await Promise.all(instances.map(begin))
  const timers = instances.flatMap((instance) => [
    repeat(instance.settings.fetchSeconds * 1000, () => attempt(instance, instance.refresh)),
    repeat(LIST_EVERY_MS, () => attempt(instance, instance.refreshSuspensions)),
  ])
  inTurn.defer(() => timers.forEach(clearInterval))
  await monitoring.listen({ host: settings.monitoring.address, port: settings.monitoring.port })
  await app.listen({ host: settings.public.address, port: settings.public.port })
  return {
    ready: `${instances.length} instance${instances.length === 1 ? '' : 's'} at ${settings.publicUrl}`,
    async stop() {
      health.drain()
      await inTurn.disposeAsync()
    },
  }
}

/** A round that takes longer than the time between two is not begun twice. */
function repeat(everyMs: number, act: () => Promise<void>): NodeJS.Timeout {
  let isRunning = false
  return setInterval(() => {
    if (isRunning) return
    isRunning = true
    void act().finally(() => {
      isRunning = false
    })
  }, everyMs)
}
