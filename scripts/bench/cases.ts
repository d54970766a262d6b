/** The cases of the exchange bench, and a load of one of them on one pair. */
import { type LoadResult, runLoad } from './measure.ts'
import type { Pair } from './pairs.ts'

export type Case = {
  name: string
  method: 'GET' | 'POST'
  path: string
  /** Of a SOAP case: the attachment. */
  bodyBytes: number
  isSoap?: boolean
  /** The provider's server holds it against a description, and cuts what a contract does not name. */
  service?: 'described' | 'contract'
}
const KB = 1024
const MB = KB * KB
export const CASES: Case[] = [
  { name: 'GET 1 KB', method: 'GET', path: `/bytes/${KB}`, bodyBytes: 0 },
  { name: 'POST 1 KB', method: 'POST', path: '/take', bodyBytes: KB },
  { name: 'SOAP 1 KB', method: 'POST', path: '', bodyBytes: 0, isSoap: true },
  { name: 'JSON 10 KB', method: 'GET', path: '/people', bodyBytes: 0 },
  { name: 'JSON 10 KB, described', method: 'GET', path: '/people', bodyBytes: 0, service: 'described' },
  {
    name: 'JSON 10 KB, contract',
    method: 'GET',
    path: '/people',
    bodyBytes: 0,
    service: 'contract',
  },
  { name: 'GET 100 KB', method: 'GET', path: `/bytes/${100 * KB}`, bodyBytes: 0 },
  { name: 'POST 100 KB', method: 'POST', path: '/take', bodyBytes: 100 * KB },
  { name: 'GET 1 MB', method: 'GET', path: `/bytes/${MB}`, bodyBytes: 0 },
  { name: 'POST 1 MB', method: 'POST', path: '/take', bodyBytes: MB },
  { name: 'GET 10 MB', method: 'GET', path: `/bytes/${10 * MB}`, bodyBytes: 0 },
  { name: 'POST 10 MB', method: 'POST', path: '/take', bodyBytes: 10 * MB },
  { name: 'SOAP 10 MB', method: 'POST', path: '', bodyBytes: 10 * MB, isSoap: true },
]
const WARM_UP_SECONDS = 2

/** The sizes of the main table, by GET. What is larger than the system keeps it makes as it sends. */
export const SIZES: (Case & { answerBytes: number })[] = (
  [
    ...[['1 KB', KB] as const, ['10 KB', 10 * KB] as const, ['100 KB', 100 * KB] as const],
    ...[['1 MB', MB] as const, ['10 MB', 10 * MB] as const, ['100 MB', 100 * MB] as const],
  ] as const
).map(([name, answerBytes]) => {
  const path = answerBytes > 10 * MB ? `/large/${answerBytes}` : `/bytes/${answerBytes}`
  return { name, method: 'GET', path, bodyBytes: 0, answerBytes }
})

/** What a load needs to know of a pair. */
type Loaded = Pick<
  Pair,
  'url' | 'headers' | 'prefix' | 'describedPrefix' | 'contractPrefix' | 'soapPath' | 'envelope'
>

type Bounds = {
  warmUpSeconds?: number
  warmUpRequests?: number
  warmUpMostSeconds?: number
  mostSeconds?: number
}

export function load(
  one: Case,
  pair: Loaded,
  seconds: number,
  connections: number,
  bounds: Bounds = {},
): Promise<LoadResult> {
  const { method, bodyBytes, isSoap = false, service } = one
  const { url, headers } = pair
  return runLoad({
    url,
    headers,
    method,
    bodyBytes,
    path: isSoap
      ? pair.soapPath
      : (service === undefined ? pair.prefix : pair[`${service}Prefix`]) + one.path,
    envelope: isSoap ? pair.envelope : undefined,
    connections,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds,
    ...bounds,
  })
}
