/**
 * `concordat bench consents`: what exchanges cost under a contract that demands the consent of the person,
 * beside the same exchanges under the same contract without that, turn by turn in one run. It counts the
 * processor time of both servers: on a busy machine rates say nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import type { Consent, ConsentDemand, ConsentKind } from '#schemas/consents.ts'
import type { ConsentRule } from '#schemas/contract.ts'
import { tallyOf } from '../command-line/tally.ts'
import { encoded, SERVER_PORTS, subsystemText } from '../sandbox/layout.ts'
import { putInForce } from '../sandbox/put-in-force.ts'
import type { Instance } from '../sandbox/running.ts'
import { type Pairs, PROVIDER_PORT, startPairs } from './pairs.ts'
import { meanSpent, type Spent, spentEach, spentText, totalOf } from './spending.ts'
import { meanOf, spreadOf } from './spread.ts'
import { termsOf } from './terms.ts'

const USAGE = `Usage: concordat bench consents [--people N] [--rounds N] [--connections N] [--network 127.88.9] [--postgresql URL] [--json]

GET of 1 KB about one person, in four services of the same system with the same contract: one that demands no consent, one with a standing
consent, one whose consent has a frequency, and one with a consent for each call. Turn by turn; what both servers' processors spend for an
exchange, and its ratio to the first in the same round: median, quartiles and mean of the rounds, and how sure the mean is.
`
/** Servers run for months, so each way is compiled before it is measured. */
const SETTLE_ROUNDS = 3
const WAIT_MS = 1000
const MOST_WAITS = 120
const RULE: ConsentRule = {
  ...{ proof: 'login', kinds: ['standing'], maxDays: 30, dataLife: { unit: 'day', value: 1 } },
}
const CASES: { name: string; code: string; consent?: ConsentRule }[] = [
  { name: 'without', code: 'agreed' },
  { name: 'standing', code: 'standing', consent: RULE },
  { name: 'frequency', code: 'counted', consent: { ...RULE, frequency: { times: 1_000_000, per: 'year' } } },
  { name: 'once', code: 'once', consent: { ...RULE, kinds: ['once'] } },
]
/** Fewer than a client may ask of consents at once. */
const AGREEING = 8
const personOf = (n: number): string => `P${n}`

/** Exit code 0, 1 when it failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      people: { type: 'string', default: '400' },
      rounds: { type: 'string', default: '15' },
      connections: { type: 'string', default: '32' },
      network: { type: 'string', default: '127.88.9' },
      postgresql: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [people, rounds, connections] = [values.people, values.rounds, values.connections].map(Number) as [
    number,
    number,
    number,
  ]
  const isWithin = people >= 1 && people <= 100_000 && rounds >= 1 && rounds <= 1000
  if (values.help || !isWithin || !(connections >= 1 && connections <= 256)) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-'))
  let pairs: Pairs | undefined
  try {
    pairs = await startPairs(directory, values.network, values.postgresql)
    const { instance } = pairs
    for (const one of CASES) await offer(instance, one)
    await approveAll(instance)
    const measured = await measure(pairs, { people, rounds, connections })
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

async function measure(
  { concordat, serverPids, instance }: Pairs,
  q: { people: number; rounds: number; connections: number },
) {
  const pool = new Pool(concordat.url, { connections: q.connections })
  const portal = await openPortal(instance)
  const callAll = async ({ code }: { code: string }): Promise<number> => {
    const prefix = concordat.prefix.replace(/[^/]+$/, code)
    await forEachPerson(q, async (person) => {
      const { headers } = concordat
      const reply = await pool.request({ method: 'GET', path: `${prefix}/persons/${person}`, headers })
      const text = await reply.body.text()
      if (reply.statusCode !== 200) throw new Error(`${code}: ${reply.statusCode} ${text.slice(0, 300)}`)
    })
    return q.people
  }
  const agreeTo = (kind: ConsentKind): Promise<void> =>
    forEachPerson({ ...q, connections: AGREEING }, (person) => portal.agree(person, kind))
  const spent: Spent[][] = CASES.map(() => [])
  const say = (cells: string[]): void => {
    process.stdout.write(`${cells.map((cell) => cell.padStart(12)).join('')}\n`)
  }
  try {
    await agreeTo('standing')
    say(['round', ...CASES.map(({ name }) => name)])
    const tally = tallyOf({ what: 'measuring', unit: 'rounds', total: SETTLE_ROUNDS + q.rounds })
    for (let round = 0; round < SETTLE_ROUNDS + q.rounds; round++) {
      tally.at(round)
      // Each was for one call.
      await agreeTo('once')
      // Each begins one round, so that none always comes first.
      for (let i = 0; i < CASES.length; i++) {
        const at = (i + round) % CASES.length
        const one = await spentEach(serverPids, () => callAll(CASES[at]!))
        if (round >= SETTLE_ROUNDS) spent[at]!.push(one)
      }
      tally.end()
      if (round >= SETTLE_ROUNDS)
        say([`${round - SETTLE_ROUNDS + 1}`, ...spent.map((of) => totalOf(of.at(-1)!).toFixed(0))])
    }
  } finally {
    await pool.close()
    await portal.close()
  }
  const means = spent.map(meanSpent)
  const ratios = spent.map((of) => of.map((one, round) => totalOf(one) / totalOf(spent[0]![round]!)))
  const spreads = ratios.map(spreadOf)
  const sure = ratios.map(meanOf)
  say(['median', ...spreads.map(({ median }) => median.toFixed(3))])
  say(['quartiles', ...sure.map(({ quartiles }) => quartiles.map((one) => one.toFixed(2)).join('-'))])
  say(['mean', ...sure.map(({ mean }) => mean.toFixed(3))])
  say(['std. error', ...sure.map(({ standardError }) => standardError.toFixed(3))])
  for (const [i, { name }] of CASES.entries())
    process.stdout.write(`${name}: ${spentText(means[i]!, 1)} µs an exchange, both servers\n`)
  return Object.fromEntries(
    CASES.map(({ name }, i) => [
      name,
      { microseconds: totalOf(means[i]!), ratio: spreads[i]!.median, ...sure[i]! },
    ]),
  )
}

/** So many at once as there are connections. */
async function forEachPerson(
  { people, connections }: { people: number; connections: number },
  act: (person: string) => Promise<void>,
): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < people) await act(personOf(next++))
  }
  await Promise.all(Array.from({ length: connections }, work))
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

/** Where people agree: the provider's own subsystem in place of a portal. */
async function openPortal({ layout, servers, ...instance }: Instance) {
  const { tax, population } = layout.agencies
  const own = subsystemText(layout, population)
  await servers[population.key]!.send('PUT', `/clients/${encoded(own)}/consents`)
  const descriptions = await servers[population.key]!.get<
    { services: { id: number; serviceCode: string }[] }[]
  >(`/clients/${encoded(own)}/service-descriptions`)
  const consents = descriptions
    .flatMap(({ services }) => services)
    .find(({ serviceCode }) => serviceCode === 'consents')
  await allow({ layout, servers, ...instance }, consents!.id, own)
  const pool = new Pool(`http://${population.address}:${SERVER_PORTS.http}`, { connections: AGREEING })
  const ask = async <T>(person: string, where: string, json?: object): Promise<T> => {
    const reply = await pool.request({
      method: json === undefined ? 'GET' : 'POST',
      path: `/r1/${own}/consents${where}`,
      body: json === undefined ? null : JSON.stringify(json),
      headers: {
        ...{ 'x-road-client': own, 'x-road-userid': person },
        ...(json !== undefined && { 'content-type': 'application/json' }),
      },
    })
    const text = await reply.body.text()
    if (reply.statusCode >= 300) throw new Error(`${where}: ${reply.statusCode} ${text.slice(0, 300)}`)
    return JSON.parse(text) as T
  }
  const demands = await waitForDemands(() => ask<{ demands: ConsentDemand[] }>(personOf(0), '/v1/demands'))
  return {
    /** To all that can be agreed to in this way. */
    async agree(person: string, kind: ConsentKind): Promise<void> {
      for (const { demand, contract, rule } of demands)
        if (rule.kinds.includes(kind))
          await ask<Consent>(person, '/v1/consents', {
            ...{ contract: contract.id, client: subsystemText(layout, tax).replaceAll('/', ':'), demand },
            ...{ kind, shown: { language: 'en', textHash: '0'.repeat(64) } },
          })
    },
    close: () => pool.close(),
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
