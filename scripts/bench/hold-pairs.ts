/**
 * Starts the pairs of any checkout, this one's or another's, in a process of its own, so that their code does
 * not mix.
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildServersOf } from './built-servers.ts'

export type HeldPairs = {
  pair: import('./pairs.ts').Pair
  serverPids: number[]
  /** Of both servers, where the checkout says it. */
  metricsUrls: string[]
}

const { root, directory, network } = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>
// An older checkout does not do it by itself.
await buildServersOf(root!)
const file = pathToFileURL(path.join(root!, 'scripts/bench/pairs.ts')).href
const { startPairs } = (await import(file)) as typeof import('./pairs.ts')
const pairs = await startPairs(directory!, network!)
// An older checkout may not say it.
const { metricsUrls = [] } = pairs as Partial<typeof pairs>
const held: HeldPairs = { pair: pairs.concordat, serverPids: pairs.serverPids, metricsUrls }
const stop = async (): Promise<void> => {
  await pairs.stop()
  process.exit(0)
}
process.once('SIGTERM', () => void stop())
process.once('disconnect', () => void stop())
process.send?.({ ready: true, held })
