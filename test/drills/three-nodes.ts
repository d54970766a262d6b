/** Three nodes of the tax agency's security server, each in a network namespace of its own, on a PostgreSQL with a standby, and what has to hold after a drill. */
import { readFileSync } from 'node:fs'
import https from 'node:https'
import tls from 'node:tls'
import type { Load } from '../fakes/load-client.ts'
import type { moveServer } from '../fakes/move-database.ts'
import { addService, type ProviderSystem, startProviderSystem } from '../fakes/provider-system.ts'
import { openRequests, readLog, verifyLogOf } from '../message-logs.ts'
import { type Instance, prepareInstance, systemOf } from '../processes.ts'
import { until } from '../until.ts'
import { ask, type Reply } from '../world.ts'
import { firstNode, joinNode, makeCluster, type Node } from './cluster-nodes.ts'
import { openNetwork } from './namespaces.ts'
import { type PostgresqlPair, startPair } from './postgresql-pair.ts'

/** Last numbers of addresses. */
const FLOATING = 80
const DATABASES = [81, 82] as const
const FURTHER = [61, 62]

export type Cluster = {
  instance: Instance
  pair: PostgresqlPair
  nodes: Node[]
  system: ProviderSystem
  /** The URL of its message log. */
  log: string
}

export const say = (line: string): void =>
  void process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)

/** `closing` gets what has to be closed, last first; `move` is that of the version that the instance has. */
export async function startCluster(closing: (() => unknown)[], move: typeof moveServer): Promise<Cluster> {
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
  for (const name of ['tax', 'tax_log']) await pair.createDatabase(name)
  const log = pair.url('tax_log')
  await move(tax.settingsFile, { database: pair.url('tax'), messageLogDatabase: log })
  makeCluster(instance)
  const system = await startProviderSystem(instance.address(40))
  closing.push(() => system.close())
  await Promise.all([instance.start('trust'), instance.start('registry')])
  await instance.start('population')
  const nodes: Node[] = []
  closing.push(() => Promise.all(nodes.map((node) => node.stop())))
  nodes.push(await firstNode(instance, network))
  await nodes[0]!.start()
  await instance.publish()
  await instance.admin.tax.send('PUT', '/global-configuration/refresh')
  await addService(instance.admin.population, {
    ...{ provider: population.client, serviceCode: 'echo', url: system.url },
    grants: [{ client: tax.client }],
  })
  for (const last of FURTHER) nodes.push(await joinNode(instance, network, last))
  return { instance, pair, nodes, system, log }
}

/** A balancer in front of the nodes: the next one that runs. Systems know them by one name, that of the first. */
export function balanced(instance: Instance, nodes: Node[], down: ReadonlySet<Node>): Instance {
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
export async function check({ instance, system, log }: Cluster, { acknowledged }: Load): Promise<string[]> {
  const { population, tax } = instance.servers
  await until('no open request', async (saw) => saw(openRequests(await readLog(tax, log))).length === 0, {
    pauseMs: 1000,
  })
  const wrong: string[] = []
  for (const [name, entries] of [
    ['consumer', await readLog(tax, log)],
    ['provider', await readLog(population)],
  ] as const) {
    const replied = new Set(entries.filter(({ kind }) => kind === 'reply').map(({ id }) => id))
    const missing = [...acknowledged].filter((id) => !replied.has(id))
    if (missing.length > 0)
      wrong.push(`the ${name}'s log lacks ${missing.length} acknowledged exchanges: ${missing.slice(0, 5)}`)
  }
  const ids = system.calls.flatMap(
    ({ rawHeaders }) => rawHeaders.find((one) => one.startsWith('load-')) ?? [],
  )
  const twice = ids.length - new Set(ids).size
  if (twice > 0) wrong.push(`${twice} exchanges were carried out twice`)
  const findings = await verifyLogOf(tax)
  return [...wrong, ...findings.map((finding) => `verification: ${JSON.stringify(finding)}`)]
}
