/**
 * Three nodes of the security server that asks and two of its provider's, each in a network namespace of its
 * own, on a PostgreSQL with a standby, under load, with bodies that are stored apart: nodes are killed one
 * after another, and so is the primary. At the end no acknowledged exchange is missing in either log, none
 * was carried out twice, each body came back as it was sent, and both logs verify.
 *
 *   node test/drills/cluster.ts [--kills 50] [--failovers 5]
 *
 * It takes a quarter of an hour, so the gate does not run it. It needs root, ip, unshare and PostgreSQL.
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startLoad } from '../fakes/load-client.ts'
import { moveServer } from '../fakes/move-database.ts'
import { enterOwnNetwork } from './namespaces.ts'
import { balanced, type Cluster, check, say, startCluster } from './three-nodes.ts'

/** Acknowledged exchanges between two faults. */
const BETWEEN = 40
/** One request in so many has a body, and its answer the same: over 64 KiB, so that it is stored apart. */
const ONE_IN = 4
const BODY_BYTES = 200 * 1024

type Fault = 'node' | 'primary'
const closing: (() => unknown)[] = []

enterOwnNetwork()
const { values } = parseArgs({
  options: { kills: { type: 'string', default: '50' }, failovers: { type: 'string', default: '5' } },
})
process.exitCode = 1
try {
  const cluster = await startCluster(closing, { move: moveServer, withProviders: true })
  say('five nodes are ready')
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

/** Returns what did not hold. */
async function drill(cluster: Cluster, faults: Fault[]): Promise<string[]> {
  const { instance, pair, nodes, providers, down, system } = cluster
  system.answer(({ body }, response) => response.end(body))
  const service = `/r1/${instance.servers.population.client}/echo/persons`
  const running = await startLoad({
    ...{ instance: balanced(cluster), service, keepAlive: false, workers: 16 },
    bodyOf: (number) => (number % ONE_IN === 0 ? randomBytes(BODY_BYTES) : undefined),
  })
  closing.push(() => running.stop())
  await running.nextAnswer()
  const killed = [...nodes, ...providers]
  const done = { node: 0, primary: 0 }
  const began = Date.now()
  const told = (): string =>
    `${done.node} nodes killed, ${done.primary} primaries: ${running.acknowledged.size} of ${running.sent()} acknowledged; ` +
    `others ${JSON.stringify(Object.fromEntries(running.failures))}`
  for (const fault of faults) {
    await running.answers(BETWEEN)
    if (fault === 'primary') await pair.failOver()
    else {
      const node = killed[done.node % killed.length]!
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
