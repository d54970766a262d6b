/**
 * Three nodes of an older version are replaced by this one's, one after the other, under load: no exchange
 * fails. Then the registry and a server on its embedded store start with this version and the data of the
 * older, and with `--back` the three nodes go back as they came.
 *
 *   node test/drills/versions.ts --older <its checkout, built> [--back] [--bodies-in-files]
 *
 * `--bodies-in-files` is for an older version that has no `messageLogBodies`: new nodes keep bodies in files
 * until no older one runs. It needs what cluster.ts needs.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Load, startLoad } from '../fakes/load-client.ts'
import type { moveServer } from '../fakes/move-database.ts'
import { enterOwnNetwork } from './namespaces.ts'
import { balanced, type Cluster, check, say, startCluster } from './three-nodes.ts'

/** Acknowledged exchanges between two steps. */
const BETWEEN = 100

enterOwnNetwork()
const { values } = parseArgs({
  options: {
    older: { type: 'string' },
    back: { type: 'boolean', default: false },
    'bodies-in-files': { type: 'boolean', default: false },
  },
})
if (values.older === undefined) throw new Error('--older names the checkout of the older version')
const older = path.resolve(values.older)
const closing: (() => unknown)[] = []

process.exitCode = 1
try {
  use('older')
  const moves = (await import(path.join(older, 'test/fakes/move-database.ts'))) as {
    moveServer: typeof moveServer
  }
  const cluster = await startCluster(closing, { move: moves.moveServer, withProviders: false })
  say('three nodes of the older version are ready')
  const wrong = await drill(cluster)
  for (const one of wrong) say(`WRONG: ${one}`)
  say(wrong.length === 0 ? 'No exchange failed, nothing is lost.' : 'It did not hold.')
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  for (const close of closing.toReversed()) await close()
}

/** What is started from now on is of this version. */
function use(version: 'older' | 'this'): void {
  delete process.env['CONCORDAT_MESSAGE_LOG_BODIES']
  if (version === 'this') {
    delete process.env['TEST_CONCORDAT']
    if (values['bodies-in-files']) process.env['CONCORDAT_MESSAGE_LOG_BODIES'] = 'files'
  } else process.env['TEST_CONCORDAT'] = path.join(older, 'scripts/concordat')
}

/** Returns what did not hold. */
async function drill(cluster: Cluster): Promise<string[]> {
  const { instance } = cluster
  const service = `/r1/${instance.servers.population.client}/echo/persons`
  const running = await startLoad({ instance: balanced(cluster), service, keepAlive: false, workers: 16 })
  closing.push(() => running.stop())
  await running.answers(BETWEEN)
  await replaceEach(cluster, running, 'this')
  for (const name of ['registry', 'population'] as const) await instance.process(name).stop()
  const failedBefore = failed(running)
  for (const name of ['registry', 'population'] as const) await instance.start(name)
  await running.nextAnswer()
  say(`the registry and the provider are of this version: ${told(running)}`)
  const meanwhile = failed(running) - failedBefore
  if (values.back) await replaceEach(cluster, running, 'older')
  await running.stop()
  const wrong = await check(cluster, running)
  const others = failed(running) - meanwhile
  return others === 0 ? wrong : [`${others} exchanges failed: ${told(running)}`, ...wrong]
}

async function replaceEach(
  { nodes, down }: Cluster,
  running: Load,
  version: 'older' | 'this',
): Promise<void> {
  use(version)
  for (const node of nodes) {
    down.add(node)
    await running.answers(BETWEEN)
    await node.stop()
    await node.start()
    down.delete(node)
    await running.answers(BETWEEN)
    say(`${node.name} is of ${version === 'this' ? 'this' : 'the older'} version: ${told(running)}`)
  }
}

function failed({ failures }: Load): number {
  return [...failures.values()].reduce((sum, count) => sum + count, 0)
}

function told(running: Load): string {
  return `${running.acknowledged.size} of ${running.sent()} acknowledged; others ${JSON.stringify(Object.fromEntries(running.failures))}`
}
