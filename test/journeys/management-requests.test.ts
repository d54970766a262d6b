/**
 * The day of a registration officer and of an agency: what a server requests, what the registry answers, and
 * the effect on exchanges. Certificates, clients, maintenance: each over real processes, from the request to
 * the message that succeeds or does not.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { until } from '../until.ts'
import { type Admin, ask, colons, type Reply, startWorld } from '../world.ts'

const world = await startWorld()
t.teardown(() => world.stop())
const { tax, population } = world.servers
const PERSON = `/r1/${population.client}/persons/persons/P00000042`
const VAT = 'DEV/GOV/1002/vat'

type Status = { request: number; kind: string; state: string; reason?: string }
type Detail = {
  contentHash: string
  changes: { what: string }[]
  conflicts: string[]
  proofs: { signer: string }[]
}

const askAs = (client: string): Promise<Reply> =>
  world.ask('tax', PERSON, { headers: { 'X-Road-Client': client } })
const typeOf = (reply: Reply): string => (reply.json() as { type: string }).type
const typeFor = async (client: string): Promise<string> => {
  const reply = await askAs(client)
  return reply.status === 200 ? 'answered' : typeOf(reply)
}
const newest = async (admin: Admin): Promise<Status> =>
  (await admin.get<Status[]>('/management-requests'))[0]!

/** Reads the request as an administrator does, and approves exactly that content. */
async function approve({ request }: Status): Promise<Detail> {
  const detail = await world.registryAdmin.get<Detail>(`/management-requests/${request}`)
  const { contentHash } = detail
  await world.registryAdmin.send('POST', `/management-requests/${request}/approve`, { contentHash })
  await world.publish()
  return detail
}

t.test('a client: filed, declined with a reason, filed again, approved, exchanged', async (t) => {
  await world.admin.tax.send('POST', '/clients', { id: colons(VAT) })
  await world.admin.tax.send(
    'POST',
    `/clients/${colons(VAT)}/tls-certificates`,
    Buffer.from(new X509Certificate(readFileSync(tax.systemCertificateFile)).toString()),
  )
  const register = () =>
    world.admin.tax.send<Status>('PUT', `/clients/${colons(VAT)}/register`, { subsystemName: 'VAT' })
  const first = await register()
  t.match(first, { kind: 'clientReg', state: 'SUBMITTED_FOR_APPROVAL' })
  t.match(await world.registryAdmin.get('/management-requests?state=SUBMITTED_FOR_APPROVAL'), [
    { id: first.request },
  ])
  t.equal(await typeFor(VAT), 'client.unknown_member', 'asked for is not allowed')
  const reason = 'The decree on VAT data is missing.'
  await world.registryAdmin.send('POST', `/management-requests/${first.request}/decline`, { reason })
  t.match(await newest(world.admin.tax), { request: first.request, state: 'DECLINED', reason })

  const second = await register()
  const until = new Date(Date.now() + 3_600_000).toISOString()
  await world.registryAdmin.send('POST', '/outages', { message: 'Works at noon', until })
  await world.restart()
  t.match(
    await newest(world.admin.tax),
    { request: second.request, state: 'SUBMITTED_FOR_APPROVAL' },
    'after a restart',
  )
  const read = await approve(second)
  t.match(read, { conflicts: [], changes: [{ what: 'subsystem' }, {}], proofs: [{ signer: tax.member }] })
  t.equal(await typeFor(VAT), 'server.serverproxy.access_denied', 'known now, without a right')
  const [description] = await world.admin.population.get<{ services: { id: number }[] }[]>(
    `/clients/${colons(population.client)}/service-descriptions`,
  )
  await world.admin.population.send('POST', `/services/${description!.services[0]!.id}/access-rights`, {
    subjectType: 'SUBSYSTEM',
    subjectId: colons(VAT),
  })
  t.equal(await typeFor(VAT), 'answered')

  await approve(await world.admin.tax.send<Status>('PUT', `/clients/${colons(VAT)}/disable`))
  t.equal(await typeFor(VAT), 'client.unknown_member', 'disabled')
  t.equal(await typeFor(tax.client), 'answered', 'its neighbour goes on')
  await approve(await world.admin.tax.send<Status>('PUT', `/clients/${colons(VAT)}/enable`))
  t.equal(await typeFor(VAT), 'answered', 'enabled again')
  await approve(await world.admin.tax.send<Status>('PUT', `/clients/${colons(VAT)}/unregister`))
  t.equal(await typeFor(VAT), 'client.unknown_member')
})

t.test('maintenance: the message reaches those who ask', async (t) => {
  const { admin } = world
  await approve(
    await admin.population.send<Status>('PUT', '/system/maintenance-mode/enable', {
      message: 'Back at noon.',
    }),
  )
  const refused = await askAs(tax.client)
  t.match(typeOf(refused), /maintenance_mode$/)
  t.match(refused.json(), { message: /Back at noon/ })
  await approve(await admin.population.send<Status>('PUT', '/system/maintenance-mode/disable'))
  t.equal(await typeFor(tax.client), 'answered')
})

t.test('a new authentication certificate takes over without a gap', async (t) => {
  const admin = world.admin.tax
  const [token] = await admin.get<{ id: string }[]>('/tokens')
  const made = await admin.send<{ csr: { pem: string } }>('POST', `/tokens/${token!.id}/keys-with-csrs`, {
    key: { usage: 'AUTHENTICATION', label: 'next' },
    csr: { dnsName: 'tax.sandbox.example' },
  })
  const issued = await ask(world.trust.caUrl, '/certificates?profile=authentication', {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: made.csr.pem,
  })
  const certificates = await admin.get<{ sha256: string; usage?: string }[]>('/token-certificates')
  const { sha256 } = await admin.send<{ sha256: string }>('POST', '/token-certificates', issued.body)
  const filed = await admin.send<Status>('PUT', `/token-certificates/${sha256}/register`, {
    address: tax.address,
  })
  t.equal(await typeFor(tax.client), 'answered', 'with the old one')
  t.match((await approve(filed)).changes, [{ what: 'authentication certificate' }])
  const registered = async (): Promise<string[]> => {
    const [server] = await world.registryAdmin.get<{ certificates: string[] }[]>(
      `/security-servers?q=${tax.id}`,
    )
    return server!.certificates
  }
  const old = (await registered()).find((one) => one !== sha256)!
  t.ok(certificates.some((one) => one.sha256 === old))
  await approve(await admin.send<Status>('PUT', `/token-certificates/${old}/unregister`))
  t.same(await registered(), [sha256])
  await admin.send('PUT', '/token-certificates/refresh-ocsp')
  t.equal(await typeFor(tax.client), 'answered', 'with the new one alone')
})

t.test('the fleet: servers report, the registry reaches them, an outage is told', async (t) => {
  // A server reports every 45 to 75 seconds.
  const PATIENT = { deadlineMs: 180_000, pauseMs: 200 }
  type Server = { reportedAt: string; version: string; worst: string; troubles: object[] }
  await until(
    'reports of both servers',
    async (saw) => saw(await world.registryAdmin.get<Server[]>('/fleet?reporting=yes')).length >= 2,
    PATIENT,
  )
  const certificate = /^[0-9a-f]{64}$/
  for (const id of [tax.id, population.id]) {
    const path = `/fleet/${colons(id)}`
    t.match(await world.registryAdmin.send('POST', `${path}/probe`), {
      ...{ messagePort: 'open', ocspPort: 'open', certificate },
    })
    // What a report said of a certificate that was new then stands until the next one.
    await until(
      `${id} without an error`,
      async (saw) => /none|warning/.test(saw((await world.registryAdmin.get<Server>(path)).worst)),
      PATIENT,
    )
  }
  // Its server has started again since the first report, and tells what it has heard since.
  const heard = await until(
    'what the registry has told tax',
    async (saw) => {
      type Item = { name: string; state: string; message: string }
      const { items } = await world.admin.tax.get<{ items: Item[] }>('/diagnostics')
      const outage = items.find(({ name }) => name.startsWith('outage '))
      const clock = items.find(({ name }) => name === 'clock')
      return saw({ outage, clock }).outage !== undefined && clock?.state === 'OK' && { outage }
    },
    PATIENT,
  )
  t.match(heard.outage, { state: 'WARNING', message: /Works at noon/ })
})
