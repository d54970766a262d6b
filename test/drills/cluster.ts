/**
 * Three nodes of one security server, each in a network namespace of its own, on a PostgreSQL with a standby, under load: nodes are killed one
 * after another, and so is the primary. At the end no acknowledged exchange is missing in either log, and none was carried out twice.
 *
 *   node test/drills/cluster.ts [--kills 50] [--failovers 5]
 *
 * It takes a quarter of an hour, so the gate does not run it. It needs root, ip, unshare and PostgreSQL.
 */
import { readFileSync } from 'node:fs'
import https from 'node:https'
import tls from 'node:tls'
import { parseArgs } from 'node:util'
import { type Load, startLoad } from '../fakes/load-client.ts'
import { moveServer } from '../fakes/move-database.ts'
import { addService, type ProviderSystem, startProviderSystem } from '../fakes/provider-system.ts'
import { openRequests, readLog, verifyLogOf } from '../message-logs.ts'
import { type Instance, prepareInstance, systemOf } from '../processes.ts'
import { until } from '../until.ts'
import { ask, type Reply } from '../world.ts'
import { firstNode, joinNode, makeCluster, type Node } from './cluster-nodes.ts'
import { enterOwnNetwork, openNetwork } from './namespaces.ts'
import { type PostgresqlPair, startPair } from './postgresql-pair.ts'

/** Last numbers of addresses. */
const FLOATING = 80
const DATABASES = [81, 82] as const
const FURTHER = [61, 62]
/** Acknowledged exchanges between two faults. */
const BETWEEN = 40

type Fault = 'node' | 'primary'
type Cluster = {
  instance: Instance
  pair: PostgresqlPair
  nodes: Node[]
  system: ProviderSystem
  /** The URL of its message log. */
  log: string
}

const say = (line: string): void =>
  void process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
const closing: (() => unknown)[] = []

enterOwnNetwork()
const { values } = parseArgs({
  options: { kills: { type: 'string', default: '50' }, failovers: { type: 'string', default: '5' } },
})
process.exitCode = 1
try {
  const cluster = await startCluster()
  say('three nodes are ready')
  const wrong = await drill(cluster, faultsOf(Number(values.kills), Number(values.failovers)))
  for (const one of wrong) say(`WRONG: ${one}`)
  say(wrong.length === 0 ? 'Nothing is lost, nothing was carried out twice.' : 'It did not hold.')
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  for (const close of closing.toReversed()) await close()
}

/** The failures of the primary spread evenly among the kills. */
function faultsOf(kills: number, failovers: number): Fault[] {
  const all = kills + failovers
  return Array.from({ length: all }, (_, n) =>
    Math.floor(((n + 1) * failovers) / all) > Math.floor((n * failovers) / all) ? 'primary' : 'node',
  )
}

async function startCluster(): Promise<Cluster> {
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
  await moveServer(tax.settingsFile, { database: pair.url('tax'), messageLogDatabase: log })
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

/** Returns what did not hold. */
async function drill(cluster: Cluster, faults: Fault[]): Promise<string[]> {
  const { instance, pair, nodes } = cluster
  const down = new Set<Node>()
  const service = `/r1/${instance.servers.population.client}/echo/persons`
  const running = await startLoad({ instance: balanced(instance, nodes, down), service, keepAlive: false })
  await running.nextAnswer()
  const done = { node: 0, primary: 0 }
  const began = Date.now()
  const told = (): string =>
    `${done.node} nodes killed, ${done.primary} primaries: ${running.acknowledged.size} of ${running.sent()} acknowledged; ` +
    `others ${JSON.stringify(Object.fromEntries(running.failures))}`
  for (const fault of faults) {
    await running.answers(BETWEEN)
    if (fault === 'primary') await pair.failOver()
    else {
      const node = nodes[done.node % nodes.length]!
      await node.kill()
      down.add(node)
      await running.answers(BETWEEN)
      await node.start()
      down.delete(node)
    }
    done[fault]++
    await running.nextAnswer()
    say(told())
  }
  await running.stop()
  say(`${told()}, in ${Math.round((Date.now() - began) / 1000)} s`)
  return check(cluster, running)
}

/** A balancer in front of the nodes: the next one that runs. Systems know them by one name, that of the first. */
function balanced(instance: Instance, nodes: Node[], down: ReadonlySet<Node>): Instance {
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

async function check({ instance, system, log }: Cluster, { acknowledged }: Load): Promise<string[]> {
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
