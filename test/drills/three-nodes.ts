/**
 * Three nodes of the tax agency's security server, and nodes of its provider's, each in a network namespace
 * of its own, on a PostgreSQL with a standby, and what has to hold after a drill.
 */
import { readFileSync } from 'node:fs'
import https from 'node:https'
import tls from 'node:tls'
import { type Load, OTHER_OCTETS } from '../fakes/load-client.ts'
import type { moveServer } from '../fakes/move-database.ts'
import { addService, type ProviderSystem, startProviderSystem } from '../fakes/provider-system.ts'
import { openRequests, readLog, verifyLogOf } from '../message-logs.ts'
import { type Instance, prepareInstance, systemOf } from '../processes.ts'
import { until } from '../until.ts'
import { ask, type Reply } from '../world.ts'
import { balance } from './balance.ts'
import { firstNode, joinNode, type Node } from './cluster-nodes.ts'
import { openNetwork } from './namespaces.ts'
import { type PostgresqlPair, startPair } from './postgresql-pair.ts'

/** Last numbers of addresses. */
const FLOATING = 80
const DATABASES = [81, 82] as const
const FURTHER = [61, 62]
const PROVIDERS = [71, 72]
/** Messages, OCSP responses, and the management API of a server. */
const PROVIDER_PORTS = [5500, 5577, 4000]

export type Cluster = {
  instance: Instance
  pair: PostgresqlPair
  /** Of the agency that asks. */
  nodes: Node[]
  /** Of the provider; none where it is one process on its embedded store. */
  providers: Node[]
  /** Nodes that a drill has stopped: who asks, and the provider's balancer, leave them out. */
  down: Set<Node>
  system: ProviderSystem
  /** The URLs of message logs. */
  log: string
  providerLog: string | undefined
}

export const say = (line: string): void =>
  void process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)

/** `closing` gets what has to be closed, last first; `move` is that of the version that the instance has. */
export async function startCluster(
  closing: (() => unknown)[],
  { move, withProviders }: { move: typeof moveServer; withProviders: boolean },
): Promise<Cluster> {
  const instance = await prepareInstance()
  closing.push(() => instance.stop())
  const { population, tax } = instance.servers
  const network = openNetwork(instance.address(0).replace(/\.0$/, ''))
  closing.push(() => network.close())
  const [a, b] = DATABASES.map((last) => instance.address(last)) as [string, string]
  const pair = await startPair({
    floating: instance.address(FLOATING),
    hosts: [
      { host: await network.addHost('pg-a', a), address: a },
      { host: await network.addHost('pg-b', b), address: b },
    ],
  })
  closing.push(() => pair.stop())
  const moved = async (agency: 'tax' | 'population'): Promise<string> => {
    for (const name of [agency, `${agency}_log`]) await pair.createDatabase(name)
    const log = pair.url(`${agency}_log`)
    await move(instance.servers[agency].settingsFile, { database: pair.url(agency), messageLogDatabase: log })
    return log
  }
  const log = await moved('tax')
  const providerLog = withProviders ? await moved('population') : undefined
  const system = await startProviderSystem(instance.address(40))
  closing.push(() => system.close())
  await Promise.all([instance.start('trust'), instance.start('registry')])
  const down = new Set<Node>()
  const [nodes, providers]: [Node[], Node[]] = [[], []]
  closing.push(() => Promise.all([...nodes, ...providers].map((node) => node.stop())))
  if (withProviders) {
    const balancer = await balance({
      ...{ address: population.address, ports: PROVIDER_PORTS },
      up: () => providers.filter((node) => !down.has(node)).map(({ address }) => address),
    })
    closing.push(() => balancer.close())
    const [first, ...further] = PROVIDERS.map((last) => instance.address(last)) as [string, ...string[]]
    const where = { instance, network, agency: 'population' } as const
    await begin(providers, await firstNode({ ...where, address: first }))
    for (const address of further) providers.push(await joinNode({ ...where, address }))
  } else await instance.start('population')
  const where = { instance, network, agency: 'tax' } as const
  await begin(nodes, await firstNode({ ...where, address: tax.address }))
  await instance.publish()
  await instance.admin.tax.send('PUT', '/global-configuration/refresh')
  await addService(instance.admin.population, {
    ...{ provider: population.client, serviceCode: 'echo', url: system.url },
    grants: [{ client: tax.client }],
  })
  for (const last of FURTHER) nodes.push(await joinNode({ ...where, address: instance.address(last) }))
  return { instance, pair, nodes, providers, down, system, log, providerLog }
}

async function begin(nodes: Node[], first: Node): Promise<void> {
  nodes.push(first)
  await first.start()
}

/**
 * A balancer in front of the nodes: the next one that runs. Systems know them by one name, that of the first.
 */
export function balanced({ instance, nodes, down }: Cluster): Instance {
  const { tax } = instance.servers
  const authorities = readFileSync(instance.trust.rootFile)
  const agent = new https.Agent({
    checkServerIdentity: (_name, shown) => tls.checkServerIdentity(tax.address, shown),
  })
  let turn = 0
  return {
    ...instance,
    ask(_name, target, question = {}): Promise<Reply> {
      const up = nodes.filter((node) => !down.has(node))
      const { httpsUrl } = up[turn++ % up.length]!
      const headers = question.headers ?? { 'X-Road-Client': tax.client }
      const asked = { certificate: systemOf(tax), ...question, headers, agent }
      return ask(httpsUrl, target, asked, authorities)
    },
  }
}

/** Returns what did not hold. */
export async function check(cluster: Cluster, { acknowledged, failures }: Load): Promise<string[]> {
  const { instance, system, log, providerLog } = cluster
  const { population, tax } = instance.servers
  for (const [server, url] of [
    [tax, log],
    [population, providerLog],
  ] as const)
    await until(
      'no open request',
      async (saw) => saw(openRequests(await readLog(server, url))).length === 0,
      {
        pauseMs: 1000,
      },
    )
  const wrong: string[] = []
  for (const [name, entries] of [
    ['consumer', await readLog(tax, log)],
    ['provider', await readLog(population, providerLog)],
  ] as const) {
    const replied = new Set(entries.filter(({ kind }) => kind === 'reply').map(({ id }) => id))
    const missing = [...acknowledged].filter((id) => !replied.has(id))
    if (missing.length > 0)
      wrong.push(`the ${name}'s log lacks ${missing.length} acknowledged exchanges: ${missing.slice(0, 5)}`)
  }
  const others = failures.get(OTHER_OCTETS) ?? 0
  if (others > 0) wrong.push(`${others} answers had other octets than were sent`)
  const ids = system.calls.flatMap(
    ({ rawHeaders }) => rawHeaders.find((one) => one.startsWith('load-')) ?? [],
  )
  const twice = ids.length - new Set(ids).size
  if (twice > 0) wrong.push(`${twice} exchanges were carried out twice`)
  for (const server of [tax, population]) {
    const findings = await verifyLogOf(server)
    wrong.push(...findings.map((finding) => `verification of ${server.id}: ${JSON.stringify(finding)}`))
  }
  return wrong
}
