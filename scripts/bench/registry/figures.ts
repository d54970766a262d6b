/** Measures a large registry: publishing and lists, and how a security server fetches its configuration. */
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Instance } from '../../sandbox/running.ts'
import { residentMb } from '../measure.ts'
import type { RegistrySize } from './store.ts'

type RegistryFigures = {
  publishAllMs: number
  publishChangeMs: number
  listP95Ms: number
  slowestList: string
  takeConfigurationMs: number
  /** Memory of the security server after it has fetched the configuration. */
  memoryMb: number | undefined
  registryMemoryMb: number | undefined
}

type Call = (method: 'GET' | 'POST' | 'PATCH' | 'PUT', path: string, body?: unknown) => Promise<Buffer>

const ROUNDS = 5
const LIST_ROUNDS = 20
/**
 * The management API limits calls by address, so each call comes from another address, like consoles at many
 * desks.
 */
const ADDRESSES = 200

/** Medians of five rounds; for lists and searches the 95th percentile. Calls `say` for each part. */
export async function measureRegistry(
  instance: Instance,
  key: string,
  size: RegistrySize,
  say: (what: string, value: string) => void,
): Promise<RegistryFigures> {
  const { layout, servers, processes } = instance
  const pid = (part: string): number => processes.find(({ name }) => name.includes(part))!.pid
  const callers = openCallers(`http://${layout.registry.address}:${layout.registry.adminPort}/api/v1`, key)
  const { call } = callers
  try {
    const publishAllMs = await median(ROUNDS, () => call('POST', '/configuration/publish'))
    say('everything published', ms(publishAllMs))
    const publishChangeMs = await median(ROUNDS, async (round) => {
      const before = await newestIndex(call)
      await call('PATCH', '/members/DEV:GOV:M1', { name: `Renamed ${round}` })
      while ((await newestIndex(call)) === before) await wait(20)
    })
    say('one change published', ms(publishChangeMs))

    const times: { path: string; ms: number }[] = []
    for (let round = 0; round < LIST_ROUNDS; round++)
      for (const path of lists(size, round)) times.push({ path, ms: await timed(() => call('GET', path)) })
    const sorted = times.toSorted((a, b) => a.ms - b.ms)
    const listP95Ms = sorted[Math.floor(sorted.length * 0.95)]!.ms
    const slowest = sorted.at(-1)!
    const slowestList = `${slowest.path} ${ms(slowest.ms)}`
    say('a list or search, 95th percentile', ms(listP95Ms))
    say('the slowest', slowestList)

    const server = servers[layout.agencies.tax.key]!
    const takeConfigurationMs = await median(ROUNDS, async (round) => {
      // A change is needed each time, because servers do not fetch unchanged parts again.
      await call('PATCH', '/members/DEV:GOV:M2', { name: `Taken ${round}` })
      await call('POST', '/configuration/publish')
      return await timed(() => server.send('PUT', '/global-configuration/refresh'))
    })
    say('a server takes the configuration', ms(takeConfigurationMs))
    const memoryMb = residentMb(pid('Tax'))
    const registryMemoryMb = residentMb(pid('registry'))
    say('memory of the security server', `${memoryMb?.toFixed(0)} MB`)
    say('memory of the registry', `${registryMemoryMb?.toFixed(0)} MB`)
    return {
      publishAllMs,
      publishChangeMs,
      listP95Ms,
      slowestList,
      takeConfigurationMs,
      memoryMb,
      registryMemoryMb,
    }
  } finally {
    await callers.close()
  }
}

/**
 * Calls as consoles make them: first, middle and last pages, each order, searches that find one, many and
 * none.
 */
function lists({ members, subsystems, servers, contracts }: RegistrySize, round: number): string[] {
  const pages = (path: string, count: number): string[] => [
    `${path}?limit=50`,
    `${path}?limit=50&offset=${Math.floor(count / 2)}`,
    `${path}?limit=50&offset=${count - 50}`,
    `${path}?limit=50&q=${round * 37}`,
    `${path}?limit=50&q=number ${round}`,
    `${path}?limit=50&q=nothing-is-called-so`,
  ]
  return [
    ...pages('/members', members),
    '/members?limit=50&sort=-name',
    '/members?limit=50&memberClass=GOV&sort=createdAt',
    ...pages('/subsystems', subsystems),
    '/subsystems?limit=50&sort=-name',
    ...pages('/security-servers', servers),
    '/security-servers?limit=50&certificate=none',
    ...pages('/contracts', contracts),
    '/contracts?limit=50&sort=title',
    '/contracts?limit=50&state=PROPOSED',
    '/contracts?limit=50&state=ACTIVE&sort=validUntil',
    `/contracts?limit=50&member=DEV:GOV:M${round}`,
    `/contracts?limit=50&endsBefore=${new Date(Date.now() + 90 * 86_400_000).toISOString()}`,
    `/contracts/${round.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
    ...pages('/global-groups', 0).slice(0, 1),
    `/global-groups/group-${round}/members?limit=50`,
    `/members/DEV:GOV:M${round}`,
    `/members/DEV:GOV:M${round}/subsystems?limit=50`,
    `/security-servers/DEV:GOV:M${round}:SS${round}`,
    `/security-servers/DEV:GOV:M${round}:SS${round}/clients?limit=50`,
    '/overview',
    '/management-requests?limit=50',
    '/audit-log?limit=50',
    '/audit-log?limit=50&q=renamed',
  ].map((path) => path.replaceAll(' ', '%20'))
}

function openCallers(base: string, key: string): { call: Call; close(): Promise<void> } {
  const agents = Array.from(
    { length: ADDRESSES },
    (_, at) => new Agent({ localAddress: `127.77.1.${at + 1}` }),
  )
  let next = 0
  return {
    call: async (method, path, body) => {
      const reply = await request(base + path, {
        method,
        dispatcher: agents[next++ % agents.length]!,
        headers: {
          authorization: `X-Road-ApiKey token=${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const bytes = Buffer.from(await reply.body.arrayBuffer())
      if (reply.statusCode >= 300) throw new Error(`${method} ${path} answered ${reply.statusCode}: ${bytes}`)
      return bytes
    },
    close: async () => {
      for (const agent of agents) await agent.close()
    },
  }
}

async function newestIndex(call: Call): Promise<number> {
  const { newest } = JSON.parse((await call('GET', '/configuration')).toString()) as {
    newest: { index: number }
  }
  return newest.index
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await act()
  return performance.now() - begun
}

/** The median time of `act` in milliseconds; if `act` returns a number, that is used as its time. */
async function median(rounds: number, act: (round: number) => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    const own = await act(round)
    times.push(typeof own === 'number' ? own : performance.now() - begun)
  }
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!
}

function ms(value: number): string {
  return `${Math.round(value)} ms`
}
