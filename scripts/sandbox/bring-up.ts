/**
 * Starts the processes of an instance, in order the first time, when each is set up over its management API
 * as soon as it runs.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { agencySettings } from './agencies/settings.ts'
import { type Api, openApi } from './client.ts'
import { subjectKeysFolder, withSubjectKeys, writeSettings } from './files.ts'
import { arrive } from './install-registry.ts'
import { agenciesOf, folderOf, type Layout, SERVER_PORTS } from './layout.ts'
import type { InstanceClock } from './past/instance-clock.ts'
import { namesOf } from './people.ts'
import { PORTAL } from './portal.ts'
import { type Started, scriptCommand, serverCommand, startProcess } from './processes.ts'
import { tellLogKey } from './public-log.ts'
import type { Instance, InstanceOptions } from './running.ts'
import { serveNames } from './serve-names.ts'
import { setUpInstance } from './set-up-instance.ts'
import { setUpRegistry } from './set-up-registry.ts'
import { refreshServer } from './set-up-server.ts'
import { makeWalletFiles, walletArguments } from './set-up-wallet.ts'
import { systemCertificate } from './system-keys.ts'

type Options = InstanceOptions & { clock?: InstanceClock }
/** From those that call to those that they call. */
const LEVELS = ['systems', 'servers', 'ground'] as const
type Level = (typeof LEVELS)[number]
type Start = (level: Level, name: string, command: string[], args: string[]) => Promise<void>

/** With `clock` all processes run by it. When a step fails, stops what has been started. */
export async function bringUp(q: Options): Promise<Instance> {
  const { layout, progress, onExit, isNew, signal } = q
  await writeSettings(layout, q.catalogue, q.clock?.now() ?? Date.now())
  const names = layout.names && (await serveNames(layout.names, namesOf(layout)))
  const running: Record<Level, Started[]> = { systems: [], servers: [], ground: [] }
  const starting: Promise<void>[] = []
  const stop = async (): Promise<void> => {
    // Each server gives its callers seconds to close their connections: together they take as long as one.
    for (const level of LEVELS) await Promise.all(running[level].map((started) => started.stop()))
    await names?.close()
  }
  const startOne: Start = async (level, name, command, args) => {
    const step = progress.begin(name)
    const environment = { ...q.clock?.environment, ...q.environment, ...q.environmentOf?.(name) }
    running[level].push(
      await startProcess({ name, command, args, directory: layout.directory, environment, onExit, signal }),
    )
    step.done()
  }
  const start: Start = (...given) => {
    const started = startOne(...given)
    starting.push(started)
    return started
  }
  try {
    const servers = isNew ? await startNew(q, start) : await startKept(q, start)
    const registry = await registryApi(layout)
    const { fourEyes: installed } = await registry.get<{ fourEyes: boolean }>('/system')
    const processes = [...running.ground, ...running.servers, ...running.systems]
    return { layout, registry, installed, isNew, servers, processes, stop }
  } catch (cause) {
    // Also what still starts beside a step that failed, or it would run on without anybody.
    await Promise.allSettled(starting)
    await stop()
    throw cause
  }
}

type Servers = Record<string, Api>

/** One after the other, since each is set up with what the one before it says. */
async function startNew(q: Options, start: Start): Promise<Servers> {
  const { layout, progress } = q
  await Promise.all([buildPages(q), ...startGround(layout, start)])
  const registry = await registryApi(layout)
  await setUpRegistry(registry, layout)
  await tellLogKey(layout)
  const systems = await systemCertificates(layout)
  await makeWalletFiles(layout)
  // In parallel with the start of the servers, because the first login has to load code in provider and
  // registry.
  const arriving = q.install ? arrive(layout) : undefined
  // The error is reported where `arriving` is awaited; until then it must not end the process.
  arriving?.catch(() => undefined)
  await Promise.all(startServers(layout, start))
  const servers = await serverApis(layout)
  await setUpInstance({ layout, registry, servers, systems, progress, arriving })
  await startSystems(q, start)
  return servers
}

/** All at once: each has its keys and the configuration that it fetched last. */
async function startKept(q: Options, start: Start): Promise<Servers> {
  const { layout } = q
  await Promise.all([
    buildPages(q),
    ...startGround(layout, start),
    ...startServers(layout, start),
    startSystems(q, start),
  ])
  const servers = await serverApis(layout)
  // What was published before the last end may have expired, which no server takes, and the registry's own
  // job publishes a moment after its start. A restored registry refuses to until two people have accepted
  // that.
  await (await registryApi(layout)).send('POST', '/configuration/publish').catch(() => undefined)
  await Promise.all(Object.values(servers).map(refreshServer))
  return servers
}

const settings = (layout: Layout, name: string): string[] => [
  '--configuration',
  folderOf(layout, `${name}.yaml`),
]

function startGround(layout: Layout, start: Start): Promise<void>[] {
  return [
    start('ground', 'trust services', serverCommand('trust-services'), settings(layout, 'trust')),
    start('ground', 'central registry', serverCommand('central-registry'), settings(layout, 'registry')),
    ...withSubjectKeys(layout).map((agency) =>
      start(
        'ground',
        `subject keys of the ${agency.name}`,
        serverCommand('subject-keys'),
        settings(layout, subjectKeysFolder(layout, agency)),
      ),
    ),
  ]
}

function startServers(layout: Layout, start: Start): Promise<void>[] {
  return agenciesOf(layout).map(({ key, name }) =>
    start(
      'servers',
      `security server of the ${name}`,
      serverCommand('security-server'),
      settings(layout, key),
    ),
  )
}

async function startSystems({ layout, clock }: Options, start: Start): Promise<void> {
  const file = folderOf(layout, 'agencies.json')
  writeFileSync(file, JSON.stringify(agencySettings(layout, clock !== undefined), undefined, 2), {
    mode: 0o600,
  })
  const script = new URL('agencies/main.ts', import.meta.url).pathname
  const started = [start('systems', 'systems of the agencies', scriptCommand(script), [file])]
  // Nobody looks while the past is made.
  if (layout.portal !== undefined && clock === undefined)
    started.push(start('systems', "citizens' portal", serverCommand('portal'), settings(layout, PORTAL)))
  if (layout.wallet !== undefined && clock === undefined)
    started.push(
      start('systems', "a citizen's wallet", serverCommand('wallet'), walletArguments(layout, layout.wallet)),
    )
  await Promise.all(started)
}

function registryApi(layout: Layout): Promise<Api> {
  const { address, adminPort } = layout.registry
  return openApi(`http://${address}:${adminPort}/api/v1`, folderOf(layout, 'registry/api-key'))
}

async function serverApis(layout: Layout): Promise<Servers> {
  const apis = agenciesOf(layout).map(async ({ key, address }) => {
    const base = `http://${address}:${SERVER_PORTS.admin}/api/v1`
    return [key, await openApi(base, folderOf(layout, `${key}/api-key`))] as const
  })
  return Object.fromEntries(await Promise.all(apis))
}

/** Builds the pages in a process of its own, so that its memory is freed afterwards. */
async function buildPages({ progress, signal }: Pick<Options, 'progress' | 'signal'>): Promise<void> {
  const step = progress.begin('web pages')
  await promisify(execFile)(path.join(import.meta.dirname, '../concordat'), ['console'], { signal })
  step.done()
}

/** Certificates of the agencies' systems, by agency. */
async function systemCertificates(layout: Layout): Promise<Record<string, Buffer>> {
  const systems: Record<string, Buffer> = {}
  for (const { key } of agenciesOf(layout))
    systems[key] = await systemCertificate(layout, `${key}/system`, `${key} system`)
  return systems
}
