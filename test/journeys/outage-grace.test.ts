/**
 * The registry is gone for hours. Exchange goes on under the contract that grants it, also after a crash, and
 * under no other; both servers say so everywhere; it ends when the granted hours are over, and all is well
 * when the registry is back.
 */
import t from 'tap'
import { startProcessClock } from '../fakes/process-clock.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { prepareInstance } from '../processes.ts'
import { until } from '../until.ts'
import { type Admin, ask, colons } from '../world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const instance = await prepareInstance()
t.teardown(() => instance.stop())
const { environment, now, pass } = startProcessClock(t)
const registry = { ...environment, CONCORDAT_REGISTRY_CONFIGURATION_OUTAGE_GRACE: 'true' }
const { population, tax } = instance.servers
const { registryAdmin, admin } = instance
const NAMES = ['tax', 'population'] as const
const at = (name: string): string => `/r1/${population.client}/${name}/persons`

const system = await startProviderSystem(instance.address(40))
t.teardown(() => system.close())
await Promise.all([instance.start('trust', environment), instance.start('registry', registry)])
await Promise.all(NAMES.map((name) => instance.start(name, environment)))
// The configuration of a prepared sandbox may be over, and nobody signs by it.
await instance.publish()
for (const serviceCode of ['lasting', 'ordinary'])
  await addService(admin.population, {
    ...{ provider: population.client, serviceCode, url: system.url },
    grants: [{ client: tax.client }],
  })

const inDays = (days: number): string => new Date(now() + days * 86_400_000).toISOString()

/** Two people of each agency agree, and the registry approves. */
async function agree(serviceCode: string, more: object): Promise<string> {
  const terms = {
    title: `Persons, ${serviceCode}`,
    provider: population.client,
    consumers: { subsystems: [tax.client] },
    services: [{ serviceCode, endpoints: [{ method: '*', path: '/persons' }] }],
    ...{ purpose: 'Assessment of income tax', legalBasis: 'Tax Procedure Act, section 18' },
    ...{ personalData: true, logLevel: 'full', retentionDays: 3650, critical: false },
    ...{ validFrom: inDays(-1), validUntil: inDays(365), reviewAt: inDays(300) },
    contacts: [{ member: tax.member, name: 'Contract desk', email: 'contracts@tax.example' }],
    ...more,
  }
  const { contract, hash } = await admin.tax.send<{ contract: string; hash: string }>('POST', '/contracts', {
    terms,
  })
  for (const name of NAMES) {
    await admin[name].send('PUT', '/contracts/refresh')
    const body = { contentHash: hash, member: colons(instance.servers[name].member) }
    for (const person of await signatories[name]())
      await person.send('POST', `/contracts/${contract}/accept`, body)
  }
  await registryAdmin.send('POST', `/contracts/${contract}/approve`, { contentHash: hash })
  return contract
}

const signatories = Object.fromEntries(
  NAMES.map((name) => {
    const make = async (who: string): Promise<Admin> => {
      const made = { name: who, roles: ['XROAD_CONTRACT_SIGNATORY'] }
      const { secret } = await admin[name].send<{ secret: string }>('POST', '/api-keys', made)
      return admin[name].withKey(secret)
    }
    let both: Promise<Admin[]> | undefined
    return [name, () => (both ??= Promise.all([make('Director'), make('Lawyer')]))]
  }),
) as Record<(typeof NAMES)[number], () => Promise<Admin[]>>

/** The suspension list ends some seconds before the configuration. */
const OUTDATED: Record<string, string> = {
  global_conf_outdated: 'outdated',
  suspension_list_outdated: 'outdated',
}

async function outcomeOf(service: string): Promise<string> {
  const reply = await instance.ask('tax', service.startsWith('/') ? service : at(service))
  if (reply.status === 200) return 'answered'
  const code = String(reply.headers['x-road-error']).split('.').at(-1)!
  return OUTDATED[code] ?? code
}

/** After the clock has moved, certificates' states and time-stamps are fetched again by jobs. */
const becomes = (service: string, outcome: string): Promise<boolean> =>
  until(`${service}: ${outcome}`, async (saw) => saw(await outcomeOf(service)) === outcome, {
    ...{ deadlineMs: 240_000, pauseMs: 500 },
  })

type State = { own: { expiresAt: string; graceUntil?: string; isExpired: boolean } }
const stateOf = (name: (typeof NAMES)[number]) => admin[name].get<State>('/global-configuration')
let lasting = ''

t.test('the grace is published when a contract grants it', async (t) => {
  await registryAdmin.send('PUT', '/contract-policy', { contractRequired: true, approveAll: false })
  await agree('ordinary', { outageGraceHours: 24 })
  await instance.publish()
  t.equal((await stateOf('tax')).own.graceUntil, undefined, 'not for personal data alone')
  lasting = await agree('lasting', { outageGraceHours: 3, outageGracePersonalData: true })
  await instance.publish()
  for (const name of NAMES) await admin[name].send('PUT', '/contracts/refresh')
  const { newest } = await registryAdmin.get<{ newest: { expiresAt: string; graceUntil: string } }>(
    '/configuration',
  )
  t.equal(Date.parse(newest.graceUntil) - Date.parse(newest.expiresAt), 3 * HOUR_MS)
  const { own } = await stateOf('tax')
  t.ok(Date.parse(own.graceUntil!) - Date.parse(own.expiresAt) <= 3 * HOUR_MS, 'never longer on a server')
  for (const service of ['lasting', 'ordinary']) t.equal(await outcomeOf(service), 'answered')
})

t.test('the registry is gone', async (t) => {
  await instance.process('registry').kill()
  pass(11 * MINUTE_MS)
  await becomes('lasting', 'answered')
  const listMethods = `/r1/${population.client}/listMethods`
  for (const service of ['ordinary', listMethods]) t.equal(await outcomeOf(service), 'outdated', service)
  const refused = await instance.ask('tax', at('ordinary'))
  t.match(refused.body.toString(), /grants no outage grace/, 'the fault says why')

  for (const name of NAMES) {
    const { own } = await stateOf(name)
    t.match(own, { isExpired: true, graceUntil: String })
    const { items } = await admin[name].get<{ items: { name: string; state: string; message: string }[] }>(
      '/diagnostics',
    )
    t.match(
      items.find((one) => one.name === 'global-configuration'),
      { state: 'WARNING', message: /only under contracts that grant an outage grace: 1, the last until/ },
    )
    const found = await admin[name].get<{ index: number }[]>(
      `/message-log/records?kind=request&contract=${lasting}&limit=1`,
    )
    type Whole = { metadata: { extra: { graceSince?: string } } }
    const { metadata } = await admin[name].get<Whole>(`/message-log/records/${found[0]!.index}`)
    t.match(metadata.extra.graceSince, /^20/, `the record of ${name} says it`)
  }
  const asked = { consumer: tax.client, provider: population.client, method: 'GET', path: '/persons' }
  for (const [serviceCode, verdict] of [
    ['lasting', 'good'],
    ['ordinary', 'bad'],
  ] as const) {
    const { consumer, provider, ...endpoint } = asked
    const query = new URLSearchParams({
      ...{ consumer: colons(consumer), provider: colons(provider), serviceCode },
      ...endpoint,
    })
    const { steps } = await admin.tax.get<{ steps: { step: string; state: string }[] }>(
      `/explanation?${query}`,
    )
    t.equal(steps.find(({ step }) => step === 'contract')?.state, verdict, serviceCode)
  }
  type Ready = { ready: boolean; checks: { name: string; ok: boolean; reason?: string }[] }
  const ready = await until(
    'the server ready for load balancers',
    async (saw) => {
      const found = (await ask(tax.adminUrl, '/health/ready', {})).json() as Ready
      saw(found.checks.filter(({ ok }) => !ok))
      return found.ready && found
    },
    { deadlineMs: 120_000, pauseMs: 1500 },
  )
  t.match(
    ready.checks.find(({ name }) => name === 'configuration'),
    { ok: true, reason: /outage grace/ },
  )
})

t.test('both servers crash', async (t) => {
  for (const name of NAMES) {
    await instance.process(name).kill()
    await instance.start(name, environment)
  }
  await becomes('lasting', 'answered')
  t.equal(await outcomeOf('ordinary'), 'outdated')
})

t.test('hours later', async (t) => {
  pass(2 * HOUR_MS)
  await becomes('lasting', 'answered')
  pass(HOUR_MS)
  await becomes('lasting', 'outdated')
  t.match((await instance.ask('tax', at('lasting'))).body.toString(), /3 h, is over|since/)
  await admin.tax.call('PUT', '/global-configuration/refresh')
  pass(-2 * HOUR_MS)
  t.equal(await outcomeOf('lasting'), 'outdated', 'a clock that is turned back brings nothing back')
  await instance.process('tax').kill()
  await instance.start('tax', environment)
  t.equal(await outcomeOf('lasting'), 'outdated', 'nor with a restart')
  pass(2 * HOUR_MS)
})

t.test('the registry is back', async (t) => {
  await instance.start('registry', registry)
  for (const service of ['lasting', 'ordinary']) await becomes(service, 'answered')
  const { own } = await stateOf('tax')
  t.equal(own.isExpired, false)
  t.pass('and all is well')
})
