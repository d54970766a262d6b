/**
 * `concordat bench consents`: exchanges under a contract that demands the consent of the person, beside the same exchanges under the same
 * contract without that, turn by turn in one run.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import type { Consent, ConsentDemand } from '#schemas/consents.ts'
import type { ConsentRule } from '#schemas/contract.ts'
import { tallyOf } from '../command-line/tally.ts'
import { encoded, SERVER_PORTS, subsystemText } from '../sandbox/layout.ts'
import { putInForce } from '../sandbox/put-in-force.ts'
import type { Instance } from '../sandbox/running.ts'
import { runLoad } from './measure.ts'
import { type Pairs, PROVIDER_PORT, startPairs } from './pairs.ts'
import { termsOf } from './terms.ts'

const USAGE = `Usage: concordat bench consents [--seconds N] [--connections N] [--network 127.88.9] [--json]

GET of 1 KB about one person, in three services of the same system with the same contract: one that demands no consent, one with a standing
consent, one whose consent counts each call in the database. Turn by turn; the ratios are to the first, in the mean of the rounds.
`
const ROUNDS = 5
const WARM_UP_SECONDS = 2
/** Servers run for months, so each way is compiled before it is measured. */
const SETTLE_SECONDS = 10
const WAIT_MS = 1000
const MOST_WAITS = 120
const PERSON = 'P1'
const RULE: ConsentRule = {
  ...{ proof: 'login', kinds: ['standing'], maxDays: 30, dataLife: { unit: 'day', value: 1 } },
}
const CASES: { name: string; code: string; consent?: ConsentRule }[] = [
  { name: 'without', code: 'agreed' },
  { name: 'standing', code: 'standing', consent: RULE },
  { name: 'counted', code: 'counted', consent: { ...RULE, frequency: { times: 1_000_000, per: 'year' } } },
]

/** Exit code 0, 1 when it failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '32' },
      network: { type: 'string', default: '127.88.9' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [seconds, connections] = [Number(values.seconds), Number(values.connections)]
  if (values.help || !(seconds > 0 && seconds <= 600) || !(connections >= 1 && connections <= 256)) {
    process.stderr.write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-'))
  let pairs: Pairs | undefined
  try {
    pairs = await startPairs(directory, values.network)
    const { instance } = pairs
    for (const one of CASES) await offer(instance, one)
    await approveAll(instance)
    await agree(instance)
    const measured = await measure(pairs, { seconds, connections })
    if (values.json) process.stdout.write(`${JSON.stringify(measured)}\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await pairs?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measure({ concordat }: Pairs, q: { seconds: number; connections: number }) {
  const service = (code: string): string => concordat.prefix.replace(/[^/]+$/, code)
  const load = (code: string, seconds: number) =>
    runLoad({
      ...{ url: concordat.url, headers: concordat.headers, method: 'GET', bodyBytes: 0 },
      ...{ path: `${service(code)}/persons/${PERSON}`, warmUpSeconds: WARM_UP_SECONDS, seconds },
      connections: q.connections,
    })
  for (const { code } of CASES) await load(code, Math.min(SETTLE_SECONDS, q.seconds))
  const rates: number[][] = CASES.map(() => [])
  const say = (cells: string[]): void => {
    process.stdout.write(`${cells.map((cell) => cell.padStart(12)).join('')}\n`)
  }
  say(['round', ...CASES.map(({ name }) => name)])
  const tally = tallyOf({ what: 'measuring', unit: 'rounds', total: ROUNDS })
  for (let round = 0; round < ROUNDS; round++) {
    tally.at(round)
    // Each begins one round, so that none always comes first.
    for (let i = 0; i < CASES.length; i++) {
      const at = (i + round) % CASES.length
      rates[at]!.push((await load(CASES[at]!.code, q.seconds)).perSecond)
    }
    tally.end()
    say([`${round + 1}`, ...rates.map((of) => of[round]!.toFixed(1))])
  }
  const [without, standing, counted] = rates.map(
    (of) => of.reduce((sum, one) => sum + one, 0) / of.length,
  ) as [number, number, number]
  const ratios = { standingRatio: standing / without, countedRatio: counted / without }
  say(['ratio', '1', ratios.standingRatio.toFixed(3), ratios.countedRatio.toFixed(3)])
  return { exchangesPerSecond: { without, standing, counted }, ...ratios }
}

/** A service of the bench's system, under a contract that names the person in its path. */
async function offer(
  instance: Instance,
  { code, consent }: { code: string; consent?: ConsentRule },
): Promise<void> {
  const { layout, servers } = instance
  const { tax, population } = layout.agencies
  const provider = servers[population.key]!
  const description = await provider.send<{ id: number; services: { id: number }[] }>(
    'POST',
    `/clients/${encoded(subsystemText(layout, population))}/service-descriptions`,
    { type: 'REST', serviceCode: code, url: `http://${layout.systems.address}:${PROVIDER_PORT}` },
  )
  await allow(instance, description.services[0]!.id, subsystemText(layout, tax))
  await provider.send('PUT', `/service-descriptions/${description.id}/enable`)
  const terms = termsOf(layout, {
    title: `About one person, ${code}`,
    services: [
      {
        ...{ serviceCode: code, endpoints: [{ method: 'GET', path: '/persons/*' }] },
        dataSubject: { in: 'path', name: 'id' },
      },
    ],
    logLevel: 'full',
  })
  await putInForce(
    instance,
    { ...terms, personalData: true, ...(consent !== undefined && { consent }) },
    { consumer: tax, provider: population },
  )
}

/** The registry approves contracts about people; its operator's key acts alone here. */
async function approveAll({ layout, servers, registry }: Instance): Promise<void> {
  const { tax, population } = layout.agencies
  const { contracts } = await servers[population.key]!.get<{
    contracts: { contract: string; contentHash: string; state: string }[]
  }>('/contracts')
  for (const { contract, contentHash, state } of contracts)
    if (state === 'ACCEPTED') await registry.send('POST', `/contracts/${contract}/approve`, { contentHash })
  for (const { key } of [tax, population]) await servers[key]!.send('PUT', '/contracts/refresh')
}

/** The person agrees to both, by the provider's own subsystem in place of a portal. */
async function agree(instance: Instance): Promise<void> {
  const { layout, servers } = instance
  const { tax, population } = layout.agencies
  const own = subsystemText(layout, population)
  await servers[population.key]!.send('PUT', `/clients/${encoded(own)}/consents`)
  const descriptions = await servers[population.key]!.get<
    { services: { id: number; serviceCode: string }[] }[]
  >(`/clients/${encoded(own)}/service-descriptions`)
  const consents = descriptions
    .flatMap(({ services }) => services)
    .find(({ serviceCode }) => serviceCode === 'consents')
  await allow(instance, consents!.id, own)
  const pool = new Pool(`http://${population.address}:${SERVER_PORTS.http}`)
  const ask = async <T>(method: 'GET' | 'POST', where: string, json?: object): Promise<T> => {
    const reply = await pool.request({
      ...{
        method,
        path: `/r1/${own}/consents${where}`,
        body: json === undefined ? null : JSON.stringify(json),
      },
      headers: {
        ...{ 'x-road-client': own, 'x-road-userid': PERSON },
        ...(json !== undefined && { 'content-type': 'application/json' }),
      },
    })
    const text = await reply.body.text()
    if (reply.statusCode >= 300) throw new Error(`${where}: ${reply.statusCode} ${text.slice(0, 300)}`)
    return JSON.parse(text) as T
  }
  try {
    const demands = await waitForDemands(() => ask<{ demands: ConsentDemand[] }>('GET', '/v1/demands'))
    for (const { demand, contract } of demands)
      await ask<Consent>('POST', '/v1/consents', {
        ...{ contract: contract.id, client: subsystemText(layout, tax).replaceAll('/', ':'), demand },
        ...{ kind: 'standing', shown: { language: 'en', textHash: '0'.repeat(64) } },
      })
  } finally {
    await pool.close()
  }
}

/** Servers fetch contracts by themselves, some time after they are in force. */
async function waitForDemands(ask: () => Promise<{ demands: ConsentDemand[] }>): Promise<ConsentDemand[]> {
  for (let asked = 0; asked < MOST_WAITS; asked++) {
    const { demands } = await ask()
    if (demands.length === CASES.filter(({ consent }) => consent !== undefined).length) return demands
    await wait(WAIT_MS)
  }
  throw new Error('the contracts that demand a consent do not come into force')
}

async function allow({ layout, servers }: Instance, service: number, subject: string): Promise<void> {
  await servers[layout.agencies.population.key]!.send('POST', `/services/${service}/access-rights`, {
    ...{ subjectType: 'SUBSYSTEM', subjectId: encoded(subject) },
  })
}
