/**
 * A contract over real processes. Two agencies agree, two people each; the registry approves one about
 * personal data. The servers allow only the calls that a contract covers, until it is suspended or ends.
 */
import t from 'tap'
import { hasChromium } from '../browser.ts'
import { startMailServer } from '../fakes/mail-server.ts'
import { startMandateServices } from '../fakes/mandate-services.ts'
import { startProcessClock } from '../fakes/process-clock.ts'
import { skipFor } from '../outside-tools.ts'
import { until } from '../until.ts'
import { type Admin, colons, type ServerName, startWorld } from '../world.ts'
import { contractByPeople } from './contract-by-people.ts'
import { contractQuota } from './contract-quota.ts'
import { joinByHand } from './join-by-hand.ts'
import { oracleSettings, representedParty } from './represented-party.ts'

const mail = await startMailServer(t, { tls: 'none' })
const mandateServices = await startMandateServices(t)
const clock = startProcessClock(t)
const world = await startWorld({
  catalogue: hasChromium(),
  environment: {
    ...clock.environment,
    CONCORDAT_REGISTRY_MAIL_HOST: mail.server.host,
    CONCORDAT_REGISTRY_MAIL_PORT: String(mail.server.port),
    CONCORDAT_REGISTRY_MAIL_TLS: 'none',
    CONCORDAT_REGISTRY_MAIL_FROM: mail.server.from,
    CONCORDAT_MANDATE_SERVICES: oracleSettings(mandateServices),
  },
})
t.teardown(() => world.stop())
const { tax, population, business } = world.servers
const { registryAdmin } = world
const PERSON = `/r1/${population.client}/persons/persons/P00000042`

type Version = {
  contract: string
  version: number
  contentHash: string
  state: string
  reason?: string
  waitsFor: string[]
}
type Status = { contract: string; version: number; hash: string; state: string; agreed?: number }

const inDays = (days: number): string => new Date(clock.now() + days * 86_400_000).toISOString()
/** Five minutes, which pass when the test says so: within the life of a configuration just published. */
const SOON = 1 / 288
const SERVICE = {
  ...{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] },
  dataSubject: { in: 'path', name: 'id' },
}
const terms = (more: object = {}): object => ({
  title: 'Persons for taxation',
  provider: population.client,
  consumers: { subsystems: [tax.client] },
  services: [SERVICE],
  purpose: 'Assessment of income tax',
  legalBasis: 'Tax Procedure Act, section 18',
  personalData: true,
  logLevel: 'full',
  retentionDays: 3650,
  validFrom: inDays(-1),
  validUntil: inDays(365),
  reviewAt: inDays(300),
  critical: false,
  outageGraceHours: 0,
  contacts: [{ member: tax.member, name: 'Contract desk', email: 'contracts@tax.example' }],
  ...more,
})

/** Two people of an agency, each with an API key of their own that a third one made. */
async function signatories(name: ServerName): Promise<[Admin, Admin]> {
  const admin = world.admin[name]
  const make = async (who: string): Promise<Admin> => {
    const { secret } = await admin.send<{ secret: string }>('POST', '/api-keys', {
      name: who,
      roles: ['XROAD_CONTRACT_SIGNATORY'],
    })
    return admin.withKey(secret)
  }
  return [await make('Director'), await make('Lawyer')]
}

const typeFor = async (name: ServerName, target = PERSON): Promise<string> => {
  const reply = await world.ask(name, target)
  return reply.status === 200 ? 'answered' : (reply.json() as { type: string }).type
}
/** Waits for changes that come by themselves: lists that are fetched, an end by the clock. */
const becomes = (label: string, holds: (type: string) => boolean): Promise<boolean> =>
  until(label, async (saw) => holds(saw(await typeFor('tax'))), { deadlineMs: 180_000, pauseMs: 500 })
const refresh = () =>
  Promise.all(Object.values(world.admin).map((admin) => admin.send('PUT', '/contracts/refresh')))
const policy = async (contractRequired: boolean): Promise<void> => {
  await registryAdmin.send('PUT', '/contract-policy', { contractRequired, approveAll: false })
  await refresh()
}
const directors = { tax: await signatories('tax'), population: await signatories('population') }

async function acceptBy(name: 'tax' | 'population', { contract, hash }: Status): Promise<Status> {
  await world.admin[name].send('PUT', '/contracts/refresh')
  const [first, second] = directors[name]
  const body = { contentHash: hash, member: colons(world.servers[name].member) }
  const noted = await first.send<Status>('POST', `/contracts/${contract}/accept`, body)
  t.match(noted, { agreed: 1 })
  return second.send<Status>('POST', `/contracts/${contract}/accept`, body)
}

type Held = {
  contract?: { version: number; hash: string; globalGroup?: string }
  right: { grants: { subjectType: string; subject: string }[] }
}

/** Circumstances of the newest request that the provider's server answered; the configuration's index. */
async function held(): Promise<Held & { configuration: number }> {
  const admin = world.admin.population
  const [newest] = await admin.get<{ index: number }[]>(
    // The registry also calls the provider, to ask for its services.
    `/message-log/records?kind=request&direction=in&clientId=${colons(tax.client)}&limit=1`,
  )
  const { circumstances, metadata } = await admin.get<{
    circumstances: Held
    metadata: { configuration: string }
  }>(`/message-log/records/${newest!.index}`)
  return { ...circumstances, configuration: Number(metadata.configuration.split('/')[1]) }
}

let agreed: Status
let stopped: Status

t.test('the policy: no exchange without a contract', async (t) => {
  t.equal(await typeFor('tax'), 'answered', 'access rights alone, before')
  await policy(true)
  t.equal(await typeFor('tax'), 'client.contract_required', 'refused before it leaves')
  const listMethods = await world.ask('tax', `/r1/${population.client}/listMethods`)
  t.equal(listMethods.status, 200, 'what a provider offers may be asked')
})

t.test('from the proposal to the enforced call', async (t) => {
  const { tax: asking } = world.admin
  const wrong = await world.admin.population.call('POST', '/contracts', {
    terms: terms({ services: [{ serviceCode: 'horses', endpoints: [{ method: '*', path: '**' }] }] }),
  })
  t.match(wrong.json(), { type: 'unknown_service' }, 'the provider knows its services')
  const secret = { visibleTo: [population.member] }
  agreed = await asking.send<Status>('POST', '/contracts', { terms: terms({ logLevel: 'digest', secret }) })
  t.match(agreed, { state: 'PROPOSED', version: 1 })

  const [first, second] = directors.tax
  const body = { contentHash: agreed.hash, member: colons(tax.member) }
  const at = `/contracts/${agreed.contract}/accept`
  t.match(await first.send('POST', at, body), { agreed: 1, needed: 2 })
  t.match((await first.call('POST', at, body)).json(), { type: 'second_signatory_needed' }, 'twice alone')
  t.match(
    (await asking.call('POST', at, body)).json(),
    { type: 'second_signatory_needed' },
    'who made its key',
  )
  const foreign = { ...body, member: colons(population.member) }
  t.match(
    (await second.call('POST', at, foreign)).json(),
    { type: 'cannot_sign' },
    "another's key is not here",
  )
  t.match(await second.send('POST', at, body), { agreed: 2, state: 'PROPOSED' })

  t.match(await acceptBy('population', agreed), { state: 'ACCEPTED' }, 'personal data: the registry decides')
  await refresh()
  t.equal(await typeFor('tax'), 'client.contract_required', 'accepted is not active')
  const listed = await registryAdmin.get<Version[]>('/contracts?state=ACCEPTED')
  t.match(listed, [{ contract: agreed.contract, contentHash: agreed.hash, overdue: false }])
  const stale = { contentHash: 'f'.repeat(64) }
  t.equal((await registryAdmin.call('POST', `/contracts/${agreed.contract}/approve`, stale)).status, 409)
  await registryAdmin.send('POST', `/contracts/${agreed.contract}/approve`, { contentHash: agreed.hash })
  await refresh()
  const { records: before } = await asking.get<{ records: number }>('/message-log')
  t.equal(await typeFor('tax'), 'answered')
  t.equal(
    await typeFor('tax', `/r1/${population.client}/persons/persons`),
    'client.contract_required',
    'an endpoint that it does not name',
  )
  const { population: providing } = world.admin
  const described = `/clients/${colons(population.client)}/service-descriptions`
  const descriptions = await providing.get<{ id: number; services: { serviceCode: string }[] }[]>(described)
  const { id } = descriptions.find(({ services }) => services[0]!.serviceCode === 'persons')!
  const nothing = Buffer.from('openapi: 3.1.0\ninfo: {}\npaths: {}\n')
  t.match(await providing.send('POST', `/service-descriptions/${id}/document`, nothing), {
    contracts: [{ contract: agreed.contract, version: 1, state: 'ACTIVE', goes: ['GET /persons/*'] }],
    warnings: [{ code: 'deleting_endpoints' }, { code: 'contracts_affected' }],
  })
  const records = await world.admin.population.get<{ index: number; direction: string }[]>(
    // The registry also calls the provider, to ask for its services.
    `/message-log/records?limit=10&kind=reply&clientId=${colons(tax.client)}`,
  )
  const record = await world.admin.population.get<{ form: object; messageBytes: null; metadata: object }>(
    `/message-log/records/${records.find(({ direction }) => direction === 'out')!.index}`,
  )
  t.match(record, {
    form: { contract: `${agreed.contract}/1`, logLevel: 'digest' },
    messageBytes: null,
    metadata: { keepDays: 3650, secrecy: 1 },
  })
  const { purpose, legalBasis } = terms() as Record<string, string>
  const held = { id: agreed.contract, version: 1, hash: agreed.hash, purpose, legalBasis }
  t.match(record, { circumstances: { side: 'provider', contract: held, right: { grants: [{}] } } })
  const under = (contract: string) =>
    world.admin.population.get<{ purpose: string }[]>(`/message-log/records?kind=reply&contract=${contract}`)
  t.match(
    await under(agreed.contract),
    [{ contract: `${agreed.contract}/1`, purpose }],
    'found by its contract',
  )
  t.same(await under(`${agreed.contract}/2`), [])
  t.same(
    await asking.get(`/message-log/records?contract=${agreed.contract}`),
    [],
    'but not where it is hidden',
  )
  const theirs = await asking.get<{ index: number; outcome: string }[]>(
    '/message-log/records?limit=10&kind=reply',
  )
  const { records: size } = await asking.get<{ records: number }>('/message-log')
  const hidden = await Promise.all(
    Array.from({ length: size - before }, (_, i) => asking.call('GET', `/message-log/records/${before + i}`)),
  )
  t.ok(
    hidden.some((one) => (one.json() as { type: string }).type === 'record_is_secret'),
    'the consumer has it too, and its parties let nobody there see it',
  )
  t.notMatch(JSON.stringify(theirs), (record.metadata as { id: string }).id)
  const others = await world.admin.business.get<{ contracts: Version[] }>('/contracts')
  t.same(others.contracts, [], `${business.member} is no party and sees nothing`)
  const own = await asking.get<{ contracts: Version[] }>('/contracts?side=consumer')
  t.match(own.contracts, [{ services: ['persons'] }], 'what it lets a client call')
})

t.test('suspended by one administrator, resumed', async (t) => {
  const at = `/contracts/${agreed.contract}`
  const body = { contentHash: agreed.hash, reason: 'A leak is being looked into.' }
  const emergency = { kind: 'contract', subject: agreed.contract, reason: body.reason }
  await registryAdmin.send('POST', '/suspensions', emergency)
  // Nothing is refreshed by hand: the suspension list comes by itself.
  await becomes('a refusal', (type) => type !== 'answered')
  await refresh()
  t.match(await typeFor('tax'), /contract_suspended$/, 'refused by whichever of the two hears of it first')
  const [shown] = await world.admin.tax.get<Version[]>(at)
  t.match(shown, { state: 'SUSPENDED', reason: body.reason })
  const again = await world.admin.tax.call('POST', `${at}/extend`, { validUntil: inDays(800) })
  t.match(again.json(), { type: 'contract_not_possible', message: /suspended/ }, 'no way round it')
  await registryAdmin.send('POST', `${at}/resume`, body)
  await refresh()
  await becomes('no suspension', (type) => !type.endsWith('contract_suspended'))
  t.equal(await typeFor('tax'), 'answered')
})

t.test('extended by one act of each side, the old version gives way', async (t) => {
  const at = `/contracts/${agreed.contract}`
  const next = await world.admin.population.send<Status>('POST', `${at}/extend`, {
    validUntil: inDays(700),
  })
  t.match(next, { version: 2, state: 'PROPOSED' })
  await acceptBy('tax', next)
  t.match(await acceptBy('population', next), { state: 'ACCEPTED' })
  await registryAdmin.send('POST', `${at}/approve`, { contentHash: next.hash })
  await refresh()
  t.equal(await typeFor('tax'), 'answered')
  const whole = await registryAdmin.get<{ versions: (Version & { changes: { path: string }[] })[] }>(at)
  t.match(whole.versions, [{ state: 'SUPERSEDED' }, { state: 'ACTIVE' }])
  t.same(
    whole.versions[1]!.changes.map(({ path }) => path),
    ['/reviewAt', '/supersedes', '/validUntil', '/version'],
  )
  t.match(
    (await held()).contract,
    { version: 2, hash: next.hash },
    'the circumstances are the new ones at once',
  )
  agreed = next
})

/** The next version of the contract in force, with these terms. */
async function withTerms(more: object): Promise<string> {
  const at = `/contracts/${agreed.contract}`
  const kept = { logLevel: 'digest', secret: { visibleTo: [population.member] } }
  agreed = await world.admin.population.send('POST', `${at}/versions`, { terms: terms({ ...kept, ...more }) })
  await acceptBy('tax', agreed)
  await acceptBy('population', agreed)
  await registryAdmin.send('POST', `${at}/approve`, { contentHash: agreed.hash })
  await refresh()
  return agreed.contract
}

t.test('a quota is kept by the provider and told to the system', (t) =>
  contractQuota(t, { world, target: PERSON, withQuota: (quota) => withTerms({ quota }) }),
)

t.test('a represented party is checked as the contract says', (t) =>
  representedParty(t, { world, target: PERSON, service: SERVICE, mandateServices, withTerms, refresh }),
)

function proposeShort(more: object = {}): Promise<Status> {
  const short = terms({ personalData: false, reviewAt: inDays(SOON / 2), validUntil: inDays(SOON), ...more })
  return world.admin.tax.send('POST', '/contracts', { terms: short })
}

t.test('its end: by people only, and by time', async (t) => {
  const [director] = directors.tax
  const end = { contentHash: agreed.hash, reason: 'The law was repealed.' }
  const at = `/contracts/${agreed.contract}/terminate`
  const byKey = await director.call('POST', at, { ...end, member: colons(tax.member) })
  t.match(byKey.json(), { type: 'not_in_person' }, 'no API key ends one')
  t.equal(await typeFor('tax'), 'answered')
  await registryAdmin.send('POST', at, end)
  await refresh()
  t.equal(await typeFor('tax'), 'client.contract_ended')
  t.match(await registryAdmin.get(`/contracts?state=TERMINATED`), [{ reason: 'The law was repealed.' }])

  // Suspended before its end, so that the pages can show it after its end.
  const services = [{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/stopped' }] }]
  stopped = await proposeShort({ title: 'Stopped', services })
  await acceptBy('tax', stopped)
  t.match(await acceptBy('population', stopped), { state: 'ACTIVE' })
  const emergency = { kind: 'contract', subject: stopped.contract, reason: 'A leak is being looked into.' }
  await registryAdmin.send('POST', '/suspensions', emergency)

  const short = await proposeShort()
  await acceptBy('tax', short)
  t.match(
    await acceptBy('population', short),
    { state: 'ACTIVE' },
    'without personal data nobody else decides',
  )
  await refresh()
  t.equal(await typeFor('tax'), 'answered')
  await world.publish()
  clock.pass(SOON * 86_400_000)
  t.equal(await typeFor('tax'), 'client.contract_ended', 'by the clock, before the registry says so')
})

t.test('standard terms of a group, joined by one of its members', async (t) => {
  await registryAdmin.send('POST', '/global-groups', { code: 'readers', description: 'Readers' })
  await registryAdmin.send('POST', '/global-groups/readers/members', { client: colons(tax.client) })
  await world.publish()
  const standard = await world.admin.population.send<Status>('POST', '/contracts', {
    terms: terms({ personalData: false, consumers: { globalGroup: 'readers' } }),
  })
  t.match(await acceptBy('population', standard), { state: 'ACTIVE' })
  await refresh()
  t.match(await typeFor('tax'), /contract_(ended|required)$/, 'a member of the group that has not joined')
  const join = { contentHash: standard.hash, member: colons(tax.member), subsystems: [colons(tax.client)] }
  const [first, second] = directors.tax
  const at = `/contracts/${standard.contract}/accept`
  t.match(
    (await first.call('POST', at, { ...join, subsystems: undefined })).json(),
    { type: 'contract_seal_wrong' },
    'for which subsystem?',
  )
  await joinByHand(t, world, standard.contract, () => first.send('POST', at, join))
  t.match(await second.send('POST', at, join), { agreed: 2, state: 'ACTIVE' })
  await refresh()
  t.equal(await typeFor('tax'), 'answered')
  t.match((await held()).contract, { hash: standard.hash, globalGroup: 'readers' })
  await policy(false)
  const stop = { contentHash: standard.hash, reason: 'A leak is being looked into.' }
  await registryAdmin.send('POST', `/contracts/${standard.contract}/terminate`, stop)
  await refresh()
  t.equal(await typeFor('tax'), 'answered', 'access rights alone again')
  const alone = await held()
  t.equal(alone.contract, undefined)
  t.match(alone.right.grants, [{ subjectType: 'SUBSYSTEM' }])

  const provider = `/clients/${colons(population.client)}/service-descriptions`
  const [description] = await world.admin.population.get<{ services: { id: number }[] }[]>(provider)
  const readers = { subjectType: 'GLOBALGROUP', subjectId: 'readers' }
  await world.admin.population.send(
    'POST',
    `/services/${description!.services[0]!.id}/access-rights`,
    readers,
  )
  t.equal(await typeFor('tax'), 'answered')
  const before = await held()
  t.match(
    before.right.grants,
    [{}, { subjectType: 'GLOBALGROUP', subject: 'readers' }],
    'a right that was given',
  )
  await registryAdmin.send('DELETE', `/global-groups/readers/members/${colons(tax.client)}`)
  await world.publish()
  t.equal(await typeFor('tax'), 'answered')
  const after = await held()
  t.equal(after.right.grants.length, 1, 'a membership that has ended')
  t.ok(after.configuration > before.configuration, 'by a later configuration')
})

t.test('in the pages, from the draft to the end, by two people of each member', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  await contractByPeople(t, { world, mail, typeFor, policy, refresh, stopped: stopped.contract })
})
