/**
 * `concordat bench exchange`: exchanges per second of two security servers, compared with the bare pair
 * (bench/exchange.ts). `concordat bench log` measures a large message log, `concordat bench backlog` the
 * recovery after an outage of the time-stamping authority, `concordat bench portal` the citizens' portal,
 * `concordat bench registry` a large registry, `concordat bench adapter` the SQL adapter beside a service
 * written by hand, `concordat bench consents` the check of a consent, `concordat bench deliveries` one-way
 * messages beside exchanges, `concordat bench large` bodies larger than memory, `concordat bench signature`
 * the verification of one signature, `concordat bench tracker` what it takes to tell people who used their
 * data, `concordat bench writers` processes that append to one log.
 */
import { run as exchange } from './bench/exchange.ts'

type Run = (args: string[]) => Promise<number>

const BENCHES: Record<string, () => Promise<{ run: Run }>> = {
  adapter: () => import('./bench/adapter.ts'),
  backlog: () => import('./bench/log/backlog.ts'),
  compare: () => import('./bench/compare.ts'),
  consents: () => import('./bench/consents.ts'),
  deliveries: () => import('./bench/deliveries.ts'),
  large: () => import('./bench/large.ts'),
  log: () => import('./bench/log.ts'),
  portal: () => import('./bench/portal.ts'),
  registry: () => import('./bench/registry.ts'),
  signature: () => import('./bench/signature.ts'),
  tracker: () => import('./bench/tracker.ts'),
  writers: () => import('./bench/writers.ts'),
}

export async function run(args: string[]): Promise<number> {
  const [name = '', ...more] = args
  return Object.hasOwn(BENCHES, name) ? (await BENCHES[name]!()).run(more) : exchange(args)
}
