/**
 * Two instances over real processes. Each registry trusts the other's external anchor, and an agency of one
 * calls the population register of the other. No call succeeds before that, nor after the trust was
 * withdrawn.
 */
import t from 'tap'
import { until } from '../until.ts'
import { type Admin, colons, startWorld, type World } from '../world.ts'

const [here, there] = await Promise.all([startWorld(), startWorld({ instance: 'SE' })])
t.teardown(() => Promise.all([here.stop(), there.stop()]))
const { tax } = here.servers
const { population } = there.servers
const PERSON = `/r1/${population.client}/persons/persons/P00000042`

type Anchor = { sha256: string; hash: string; state: string; instance: string }

const anchors = new Map<World, Anchor>()
async function federate(one: World, other: World): Promise<void> {
  const anchor = await other.registryAdmin.bytes('/configuration/anchors/external')
  const examined = await one.registryAdmin.send<Anchor>('POST', '/external-anchors', anchor)
  t.match(examined, { state: 'EXAMINED', instance: other.instance })
  await one.registryAdmin.send('POST', `/external-anchors/${examined.sha256}/trust`)
  await one.publish()
  anchors.set(one, examined)
}

const typeFor = async (): Promise<string> => {
  const reply = await here.ask('tax', PERSON)
  return reply.status === 200 ? 'answered' : (reply.json() as { type: string }).type
}

t.test('strangers', async (t) => {
  t.equal(await typeFor(), 'client.unknown_member')
})

t.test('both registries trust each other, and the provider allows it', async (t) => {
  await federate(here, there)
  t.match(await typeFor(), /unknown|ssl|peer|network|connection/, 'one-sided trust is none')
  await federate(there, here)
  t.match(await typeFor(), 'server.serverproxy.access_denied', 'known, and not allowed')
  const [service] = await there.admin.population.get<{ services: { id: string }[] }[]>(
    `/clients/${colons(population.client)}/service-descriptions`,
  )
  await there.admin.population.send('POST', `/services/${service!.services[0]!.id}/access-rights`, {
    subjectType: 'SUBSYSTEM',
    subjectId: colons(tax.client),
  })
  const reply = await here.ask('tax', PERSON)
  t.equal(reply.status, 200)
  t.match(reply.json(), { code: 'P00000042' })
})

type Status = { contract: string; version: number; hash: string; state: string; agreed?: number }
type Version = {
  contract: string
  state: string
  reason?: string
  contentHash: string
  counterSeals: object[]
}

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()
const terms = {
  title: 'Persons for taxation abroad',
  provider: population.client,
  consumers: { subsystems: [tax.client] },
  services: [{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] }],
  purpose: 'Assessment of income tax',
  legalBasis: 'Convention on mutual assistance, article 5',
  personalData: true,
  logLevel: 'full',
  retentionDays: 3650,
  validFrom: inDays(-1),
  validUntil: inDays(365),
  reviewAt: inDays(300),
  critical: false,
  outageGraceHours: 0,
  contacts: [{ member: tax.member, name: 'Contract desk', email: 'contracts@tax.example' }],
}
const taxAdmin = here.admin.tax
const populationAdmin = there.admin.population

/** Two people of an agency agree, each with an API key of their own. */
async function acceptBy(admin: Admin, member: string, { contract, hash }: Status): Promise<Status> {
  await admin.send('PUT', '/contracts/refresh')
  const people = await Promise.all(
    ['Director', 'Lawyer'].map(async (name) => {
      const roles = ['XROAD_CONTRACT_SIGNATORY']
      const { secret } = await admin.send<{ secret: string }>('POST', '/api-keys', { name, roles })
      return admin.withKey(secret)
    }),
  )
  const body = { contentHash: hash, member: colons(member) }
  await people[0]!.send('POST', `/contracts/${contract}/accept`, body)
  return people[1]!.send('POST', `/contracts/${contract}/accept`, body)
}

/**
 * Waits for what registries and servers do by themselves within a minute, and sooner when they are told to
 * refresh.
 */
async function reaches<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const { value } = await until(
    `${holds}`,
    async (saw) => {
      for (const world of [here, there])
        await world.registryAdmin.send('POST', `/external-anchors/${anchors.get(world)!.sha256}/read`)
      for (const admin of [taxAdmin, populationAdmin]) await admin.send('PUT', '/contracts/refresh')
      const value = saw(await read())
      return holds(value) && { value }
    },
    { deadlineMs: 180_000, pauseMs: 200 },
  )
  return value
}
const stateAt = async (world: World, contract: string): Promise<string> => {
  const { status, json } = await world.registryAdmin.call('GET', `/contracts/${contract}`)
  return status === 200 ? (json() as { versions: Version[] }).versions.at(-1)!.state : 'unknown'
}

t.test('a contract between the two, sealed by both members and both registries', async (t) => {
  const policy = { contractRequired: true, approveAll: false }
  await there.registryAdmin.send('PUT', '/contract-policy', policy)
  await populationAdmin.send('PUT', '/contracts/refresh')
  t.equal(await typeFor(), 'server.serverproxy.contract_required')

  const proposed = await taxAdmin.send<Status>('POST', '/contracts', { terms })
  const { contract, hash } = proposed
  await acceptBy(taxAdmin, tax.member, proposed)
  await reaches(
    () => stateAt(there, contract),
    (state) => state === 'PROPOSED',
  )
  await acceptBy(populationAdmin, population.member, proposed)
  await reaches(
    () => stateAt(here, contract),
    (state) => state === 'ACCEPTED',
  )
  t.equal(await stateAt(there, contract), 'ACCEPTED')
  const approve = (world: World) =>
    world.registryAdmin.call('POST', `/contracts/${contract}/approve`, { contentHash: hash })
  t.equal((await approve(here)).status, 200, 'personal data: each registry decides')
  t.equal((await approve(here)).status, 409, 'once')
  t.equal(await stateAt(here, contract), 'ACCEPTED', 'one registry alone puts nothing in force')
  t.equal((await approve(there)).status, 200)
  for (const world of [here, there])
    await reaches(
      () => stateAt(world, contract),
      (state) => state === 'ACTIVE',
    )
  await reaches(typeFor, (type) => type === 'answered')
  const listed = await populationAdmin.get<{ contracts: Version[]; refused: object[] }>('/contracts')
  t.match(listed, { contracts: [{ state: 'ACTIVE' }], refused: [] })

  const stop = { contentHash: hash, reason: 'A leak is being looked into.' }
  await here.registryAdmin.send('POST', `/contracts/${contract}/suspend`, stop)
  await taxAdmin.send('PUT', '/contracts/refresh')
  t.equal(await typeFor(), 'client.contract_suspended', 'at once on the side that did it')
  const [shown] = await reaches(
    async () => (await populationAdmin.get<{ contracts: Version[] }>('/contracts')).contracts,
    ([one]) => one?.state === 'SUSPENDED',
  )
  t.match(shown, { reason: /by the registry of DEV: A leak/ })
  t.equal(await stateAt(there, contract), 'ACTIVE', 'the other registry has not suspended it itself')
  await here.registryAdmin.send('POST', `/contracts/${contract}/resume`, stop)
  await taxAdmin.send('PUT', '/contracts/refresh')
  await reaches(typeFor, (type) => type === 'answered')

  await there.registryAdmin.send('POST', `/contracts/${contract}/terminate`, stop)
  await populationAdmin.send('PUT', '/contracts/refresh')
  t.match(await typeFor(), /^(server\.serverproxy|client)\.contract_ended$/, 'by whoever hears of it first')
  await reaches(
    () => stateAt(here, contract),
    (state) => state === 'TERMINATED',
  )
})

t.test('a restart goes on with what was kept; the anchor removed ends it', async (t) => {
  const { sha256 } = anchors.get(here)!
  const { items } = await here.admin.tax.get<{ items: { name: string; state: string }[] }>('/diagnostics')
  t.match(
    items.find(({ name }) => name === 'federation SE'),
    { state: 'OK' },
  )
  await here.registryAdmin.send('DELETE', `/external-anchors/${sha256}`)
  await here.publish()
  t.equal(await typeFor(), 'client.unknown_member')
  const again = await here.registryAdmin.call('POST', `/external-anchors/${sha256}/trust`)
  t.equal(again.status, 409, 'it has to be examined again')
})
