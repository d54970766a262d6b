/**
 * A provider with two security servers, as real processes: consents kept at one of them hold for calls
 * through either, a withdrawal is obeyed, and no call goes while the keeper is down. Answers that people see
 * first stay where the call came.
 */
import t from 'tap'
import type { Consent, ConsentDemand, Consents } from '#schemas/consents.ts'
import type { Preview, PreviewShown, Previews } from '#schemas/previews.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { addServerOf } from '../fakes/server-of-member.ts'
import { prepareInstance } from '../processes.ts'
import { until } from '../until.ts'
import { type Admin, colons, type Reply } from '../world.ts'

const instance = await prepareInstance()
t.teardown(() => instance.stop())
const { population, tax, business } = instance.servers
const { registryAdmin, admin } = instance
await Promise.all([instance.start('trust'), instance.start('registry')])
await Promise.all([instance.start('population'), instance.start('tax'), instance.start('business')])
const system = await startProviderSystem(instance.address(40))
t.teardown(() => system.close())
// A new server takes no configuration that is over, as that of a prepared sandbox may be.
await registryAdmin.send('POST', '/configuration/publish')
const second = await addServerOf(instance, 'population', { key: 'second', last: 50 })
t.teardown(() => second.process().kill())
const here = population.id
const both = { [here]: admin.population, [second.id]: second.admin }

await registryAdmin.send('POST', '/configuration/publish')
const refresh = (path: string): Promise<unknown> =>
  Promise.all([...Object.values(both), admin.tax, admin.business].map((one) => one.send('PUT', path)))
await refresh('/global-configuration/refresh')
await refresh('/token-certificates/refresh-ocsp')

type Service = { id: number; serviceCode: string; endpoints: { id: number; path: string }[] }
const client = colons(population.client)
const consumer = { client: tax.client }
for (const server of Object.values(both)) {
  const { url } = system
  for (const serviceCode of ['agreed', 'shown'])
    await addService(server, { provider: population.client, serviceCode, url, grants: [consumer] })
  await server.send('PUT', `/clients/${client}/consents`)
  const descriptions = await server.get<{ services: Service[] }[]>(`/clients/${client}/service-descriptions`)
  const services = descriptions.flatMap((one) => one.services)
  const consents = services.find(({ serviceCode }) => serviceCode === 'consents')!
  const allow = (subject: string, endpointId?: number) =>
    server.send('POST', `/services/${consents.id}/access-rights`, {
      ...{ subjectType: 'SUBSYSTEM', subjectId: colons(subject), endpointId },
    })
  // The business agency plays the portal.
  await allow(business.client)
  if (server === admin.population)
    for (const { id, path } of consents.endpoints)
      if (path.startsWith('/v1/calls')) await allow(population.client, id)
}

async function agreeOn(serviceCode: string, more: object): Promise<void> {
  const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()
  const terms = {
    ...{
      title: `About ${serviceCode}`,
      provider: population.client,
      consumers: { subsystems: [tax.client] },
    },
    services: [
      {
        ...{ serviceCode, endpoints: [{ method: 'GET', path: '/persons/*' }] },
        dataSubject: { in: 'path', name: 'id' },
      },
    ],
    ...{ purpose: 'Assessment of income tax', legalBasis: 'Tax Procedure Act, section 18' },
    ...{ personalData: true, logLevel: 'full', retentionDays: 3650 },
    ...{ validFrom: inDays(-1), validUntil: inDays(365), reviewAt: inDays(300) },
    ...{ critical: false, outageGraceHours: 0, ...more },
    contacts: [{ member: tax.member, name: 'Contract desk', email: 'contracts@tax.example' }],
  }
  type Status = { contract: string; hash: string }
  const { contract, hash } = await admin.tax.send<Status>('POST', '/contracts', { terms })
  for (const name of ['tax', 'population'] as const) {
    await admin[name].send('PUT', '/contracts/refresh')
    for (const one of await signatories(name)) {
      const body = { contentHash: hash, member: colons(instance.servers[name].member) }
      await one.send('POST', `/contracts/${contract}/accept`, body)
    }
  }
  await registryAdmin.send('POST', `/contracts/${contract}/approve`, { contentHash: hash })
  await refresh('/contracts/refresh')
}

const known = new Map<string, Promise<Admin[]>>()
/** Two people, each with an API key of their own that a third one made. */
function signatories(name: 'tax' | 'population'): Promise<Admin[]> {
  const make = (who: string): Promise<Admin> =>
    admin[name]
      .send<{ secret: string }>('POST', '/api-keys', { name: who, roles: ['XROAD_CONTRACT_SIGNATORY'] })
      .then(({ secret }) => admin[name].withKey(secret))
  const two = known.get(name) ?? Promise.all(['Director', 'Lawyer'].map(make))
  known.set(name, two)
  return two
}

/** A call of the tax agency through one of the two servers. */
const call = (server: string | undefined, path: string, more: Record<string, string> = {}): Promise<Reply> =>
  instance.ask('tax', `/r1/${population.client}${path}`, {
    headers: {
      ...{ 'X-Road-Client': tax.client, ...more },
      ...(server !== undefined && { 'X-Road-Security-Server': server }),
    },
  })
const outcomeOf = ({ status, headers }: Reply): string =>
  status === 200 ? 'answered' : String(headers['x-road-error']).replace(/^.*\./, '')
const messageOf = (reply: Reply): string => (reply.json() as { message: string }).message

/** What the portal asks of one of the two servers for a person. */
async function portal<T>(server: string, line: string, userId: string, body?: object) {
  const [method = '', path = ''] = line.split(' ')
  const reply = await instance.ask('business', `/r1/${population.client}/consents${path}`, {
    method,
    headers: {
      ...{ 'X-Road-Client': business.client, 'X-Road-UserId': userId, 'X-Road-Security-Server': server },
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
  })
  return { status: reply.status, body: reply.json() as T, text: reply.body.toString() }
}

const shown = { language: 'en', textHash: 'ab'.repeat(32) }
let demand: ConsentDemand

async function agree(userId: string, kind: 'once' | 'standing', server = here) {
  const body = {
    contract: demand.contract.id,
    client: colons(tax.client),
    demand: demand.demand,
    kind,
    shown,
  }
  return portal<Consent>(server, 'POST /v1/consents', userId, body)
}

t.test('a contract that names where consents are kept', async (t) => {
  await agreeOn('agreed', {
    consent: {
      ...{ proof: 'login', kinds: ['once', 'standing'], maxDays: 30, keptAt: here },
      dataLife: { unit: 'month', value: 6 },
    },
  })
  for (const server of [here, second.id])
    t.equal(outcomeOf(await call(server, '/agreed/persons/P1')), 'consent_missing', server)
  const { body } = await portal<{ demands: ConsentDemand[] }>(second.id, 'GET /v1/demands', 'P1')
  demand = body.demands[0]!
  t.equal(demand.rule.keptAt, here)
  const wrong = await agree('P1', 'standing', second.id)
  t.match([wrong.status, wrong.text], [409, new RegExp(here)], 'taken by the keeper alone, which is named')
  t.equal(system.calls.length, 0)
})

t.test('a consent holds at either server, and its withdrawal does', async (t) => {
  const given = await agree('P1', 'standing')
  t.match(given, { status: 201, body: { keptAt: here } }, given.text)
  const { number } = given.body
  for (const server of [here, second.id])
    t.equal(outcomeOf(await call(server, '/agreed/persons/P1')), 'answered', server)
  t.equal(outcomeOf(await call(second.id, '/agreed/persons/P2')), 'consent_missing', 'of somebody else')
  for (const server of Object.values(both)) {
    const asked = `kind=request&direction=in&clientId=${colons(tax.client)}&limit=10`
    const rows = await server.get<{ index: number }[]>(`/message-log/records?${asked}`)
    const extras = await Promise.all(
      rows.map(({ index }) =>
        server.get<{ metadata: { extra: Record<string, string> } }>(`/message-log/records/${index}`),
      ),
    )
    t.match(
      extras.map(({ metadata }) => metadata.extra).find(({ consent }) => consent !== undefined),
      { consent: number, consentDigest: /./ },
      'the record of the call names it, at the server that made it',
    )
  }
  await until('both uses at the keeper', async (saw) => {
    const { body } = await portal<Consents>(here, 'GET /v1/consents', 'P1')
    return saw(body.consents[0]!.uses.count) === 2
  })
  t.equal((await portal(here, `POST /v1/consents/${number}/withdraw`, 'P1')).status, 200)
  t.equal(outcomeOf(await call(here, '/agreed/persons/P1')), 'consent_ended', 'at once where it is kept')
  await until(
    'the other server obeys',
    async (saw) => saw(outcomeOf(await call(second.id, '/agreed/persons/P1'))) === 'consent_ended',
  )
})

t.test('one call under a one-time consent, whichever server makes it', async (t) => {
  t.equal((await agree('P3', 'once')).status, 201)
  const calls = await Promise.all(
    [here, second.id, here, second.id].map((server) => call(server, '/agreed/persons/P3')),
  )
  t.same(calls.map(outcomeOf).sort(), ['answered', ...Array(3).fill('consent_used_up')])
})

t.test('while the keeper is down no call goes, and nobody is left in the dark', async (t) => {
  t.equal((await agree('P4', 'standing')).status, 201)
  await instance.process('population').kill()
  const { length } = system.calls
  const refused = await call(second.id, '/agreed/persons/P4')
  t.equal(outcomeOf(refused), 'consent_unknown')
  t.match(messageOf(refused), new RegExp(`${here}, which keeps the consents, could not be asked`))
  t.equal(system.calls.length, length, 'the system did not hear of it')
  await instance.start('population')
  await until(
    'the keeper answers again',
    async (saw) => saw(outcomeOf(await call(second.id, '/agreed/persons/P4'))) === 'answered',
  )
})

t.test('an answer that is seen first stays where the call came, and leaves from there, once', async (t) => {
  await agreeOn('shown', { preview: { minutes: 60 } })
  const path = '/shown/persons/P5'
  const reference = async (server: string): Promise<string> => {
    const reply = await call(server, path)
    t.equal(outcomeOf(reply), 'preview_required', messageOf(reply))
    return /Preview-Reference: (\S+);/.exec(messageOf(reply))![1]!
  }
  const release = async (server: string): Promise<void> => {
    const { body } = await portal<Previews>(server, 'GET /v1/previews', 'P5')
    const one = body.previews.find(({ state }) => state === 'WAITING')!
    t.match([one.keptAt, body.elsewhere], [server, [server === here ? second.id : here]])
    const at = `/v1/previews/${one.number}`
    const { answer } = (await portal<PreviewShown>(server, `GET ${at}`, 'P5')).body
    t.match(Buffer.from(answer!.content, 'base64').toString(), /persons\/P5/)
    const other = server === here ? second.id : here
    t.equal((await portal(other, `GET ${at}`, 'P5')).status, 404, 'of which the other server knows nothing')
    const json = { answer: answer!.digest, shown }
    const done = await portal<Preview>(server, `POST ${at}/release`, 'P5', json)
    t.match(done, { status: 200, body: { state: 'RELEASED' } }, done.text)
  }
  for (const server of [here, second.id]) {
    const named = { 'Preview-Reference': await reference(server) }
    t.match(named['Preview-Reference'], new RegExp(`^[\\w-]{43}/${server}$`))
    t.equal(outcomeOf(await call(undefined, path, named)), 'preview_waiting', 'it finds its server')
    await release(server)
    const other = server === here ? second.id : here
    const elsewhere = await call(other, path, named)
    t.equal(outcomeOf(elsewhere), 'preview_elsewhere', 'as behind an X-Road server')
    t.match(messageOf(elsewhere), new RegExp(`name ${server} in X-Road-Security-Server`))
    const given = await call(undefined, path, named)
    t.equal(outcomeOf(given), 'answered', given.body.toString())
    t.equal(outcomeOf(await call(undefined, path, named)), 'preview_void', 'once')
  }
})
