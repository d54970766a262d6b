import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { certificationRequest } from '../../keys/certification-request.ts'
import { authenticationCertificate, second, signingCertificate } from '../../keys/keys-fixture.ts'
import { selfSignedCertificate } from '../../keys/self-signed.ts'
import { certificatePem } from '../../local-systems/view.ts'
import { createRegistrationClient } from './client.ts'
import { approveNewest, startFiling } from './filing-fixture.ts'
import { settle, settleRequests } from './settle-requests.ts'

const server = parseServerId('DEV/GOV/1000/ss1')
const owner = { instance: 'DEV', memberClass: 'GOV', memberCode: '1000' }
const GUEST = 'DEV:COM:4000:tax'

t.test('every request that a server files, and what it is told', async (t) => {
  const { ask, world, keys, node, localSystems } = await startFiling(t)
  const { sha256 } = await authenticationCertificate(world, keys, { register: false })
  const registered = await ask('PUT', `/token-certificates/${sha256}/register`, { address: 'ss1.example' })
  t.match(registered, {
    status: 200,
    body: { kind: 'authCertReg', state: 'SUBMITTED_FOR_APPROVAL', serverId: 'DEV:GOV:1000:ss1' },
  })
  t.match(await ask('PUT', `/token-certificates/${sha256}/register`, { address: 'ss1.example' }), {
    status: 409,
    body: { type: 'registration_refused', message: /conflict: .*says the same/ },
  })
  await node.must('POST', `/management-requests/${registered.body['request']}/decline`, {
    reason: 'Call me first.',
  })
  t.match(JSON.parse((await ask('GET', '/management-requests')).raw.toString()), [
    { state: 'DECLINED', reason: 'Call me first.' },
  ])
  await ask('PUT', `/token-certificates/${sha256}/register`, { address: 'ss1.example' })
  await approveNewest(node)

  t.equal((await ask('PUT', '/clients/DEV:GOV:1000:population/register')).status, 404, 'no client here yet')
  await ask('POST', '/clients', { id: 'DEV:GOV:1000:population' })
  const own = await ask('PUT', '/clients/DEV:GOV:1000:population/register', { subsystemName: 'Persons' })
  t.match(own, {
    status: 200,
    body: { state: 'SUBMITTED_FOR_APPROVAL', clientId: 'DEV:GOV:1000:population' },
  })
  const standing = () => localSystems.view().clients.get('DEV/GOV/1000/population')?.standing.asked
  t.equal(standing(), 'clientReg')
  await approveNewest(node)
  for (const [url, kind, body] of [
    ['/clients/DEV:GOV:1000:population/disable', 'clientDisable'],
    ['/clients/DEV:GOV:1000:population/enable', 'clientEnable'],
    ['/clients/DEV:GOV:1000:population/rename', 'clientRename', { subsystemName: 'People' }],
    ['/system/server-address', 'addressChange', { address: 'moved.example' }],
    ['/system/maintenance-mode/enable', 'maintenanceModeEnable', { message: 'until noon' }],
    ['/system/maintenance-mode/disable', 'maintenanceModeDisable'],
    ['/clients/DEV:GOV:1000:population/unregister', 'clientDeletion'],
    [`/token-certificates/${sha256}/unregister`, 'authCertDeletion'],
  ] as [string, string, object?][]) {
    const reply = await ask('PUT', url, body)
    t.match(reply, { status: 200, body: { kind, state: 'SUBMITTED_FOR_APPROVAL' } }, url)
    if (url.startsWith('/clients/') && body === undefined) t.equal(standing(), kind)
    await approveNewest(node)
  }
  t.match(await node.must('GET', '/security-servers?q=DEV:GOV:1000'), [
    { address: 'moved.example', certificates: [], clients: [] },
  ])

  await ask('POST', '/clients', { id: GUEST })
  const waiting = await ask('PUT', `/clients/${GUEST}/register`)
  t.match(waiting, { status: 200, body: { state: 'WAITING' } }, 'the guest has no key here')
  t.match(await ask('DELETE', `/management-requests/${waiting.body['request']}`), {
    status: 200,
    body: { state: 'REVOKED' },
  })
  const guest = localSystems.view().clients.get(GUEST.replaceAll(':', '/'))
  t.equal(guest?.standing.asked, '', 'what was taken back is asked no more')
  await signingCertificate(world, keys, second)
  // Declined at the registry: noticed without anybody who looks at requests.
  const declined = await ask('PUT', `/clients/${GUEST}/register`)
  await node.must('POST', `/management-requests/${declined.body['request']}/decline`, { reason: 'no' })
  const stands = () => localSystems.view().clients.get(GUEST.replaceAll(':', '/'))?.standing.asked
  const settling = (isXRoads: boolean) =>
    settleRequests({
      ...{ server, keys, localSystems, clock: () => world.now, isXRoads: () => isXRoads },
      registration: createRegistrationClient(() => world.configuration!.privateParameters?.managementService),
      fileXRoadRequest: () => Promise.reject(new Error('nothing is filed')),
      log: createLog({ name: 'test', destination: { write: () => undefined } }),
    }).run({} as never)
  await settling(true)
  t.equal(stands(), 'clientReg', "X-Road's central server tells nothing")
  await settling(false)
  t.equal(stands(), '')
  t.match(
    await ask('PUT', `/clients/${GUEST}/register`),
    { body: { state: 'SUBMITTED_FOR_APPROVAL' } },
    'both sign here',
  )
  await ask('POST', '/clients', { id: 'DEV:COM:4000' })
  await ask('PUT', '/clients/DEV:COM:4000/register')
  await approveNewest(node)
  t.equal((await ask('PUT', `/clients/${GUEST}/make-owner`)).status, 400)
  t.match(await ask('PUT', '/clients/DEV:COM:4000/make-owner'), {
    status: 200,
    body: { kind: 'ownerChange', state: 'SUBMITTED_FOR_APPROVAL' },
  })
})

t.test('the answer of an older request settles no newer one', async (t) => {
  const { ask, world, keys, node, localSystems } = await startFiling(t)
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:1000:ss1', address: 'ss1.example' })
  await ask('POST', '/clients', { id: 'DEV:GOV:1000:population' })
  const file = async () =>
    (await ask('PUT', '/clients/DEV:GOV:1000:population/register')).body['request'] as number
  const decline = (request: number) =>
    node.must('POST', `/management-requests/${request}/decline`, { reason: 'no' })
  const asked = () => localSystems.view().clients.get('DEV/GOV/1000/population')!.standing.asked
  const registry = createRegistrationClient(() => world.configuration!.privateParameters?.managementService)
  /** `meanwhile` happens while the registry's answer is on its way. */
  const settling = (meanwhile: () => Promise<unknown>) =>
    settleRequests({
      ...{ server, keys, localSystems, clock: () => world.now, isXRoads: () => false },
      registration: {
        ...registry,
        async states(document) {
          const answer = await registry.states(document)
          await meanwhile()
          return answer
        },
      },
      fileXRoadRequest: () => Promise.reject(new Error('nothing is filed')),
      log: createLog({ name: 'test', destination: { write: () => undefined } }),
    }).run({} as never)
  const first = await file()
  await decline(first)
  let second = 0
  await settling(async () => {
    second = await file()
  })
  t.equal(asked(), 'clientReg', 'it was filed after the registry had answered')
  await settle({ localSystems }, [{ ...(await registryState(first)), state: 'REVOKED' }])
  t.equal(asked(), 'clientReg', 'a late answer to who took the older one back')
  await decline(second)
  await settling(async () => undefined)
  t.equal(asked(), '')

  async function registryState(request: number): Promise<RequestStatus> {
    const all = JSON.parse((await ask('GET', '/management-requests?maxAgeSeconds=60')).raw.toString())
    const { clientId, serverId, ...found } = all.find((one: RequestStatus) => one.request === request)
    return { ...found, server: 'DEV/GOV/1000/ss1', client: 'DEV/GOV/1000/population' }
  }
})

t.test('a request whose answer was missed is found at the registry', async (t) => {
  const { ask, world, keys, node, localSystems } = await startFiling(t)
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:1000:ss1', address: 'ss1.example' })
  await ask('POST', '/clients', { id: 'DEV:GOV:1000:population' })
  const client = '/clients/DEV:GOV:1000:population'
  const registry = createRegistrationClient(() => world.configuration!.privateParameters?.managementService)
  let looks = 0
  /** As a process that starts. */
  const started = () =>
    settleRequests({
      ...{ server, keys, localSystems, clock: () => world.now, isXRoads: () => false },
      registration: {
        ...registry,
        states: (document) => {
          looks++
          return registry.states(document)
        },
      },
      fileXRoadRequest: () => Promise.reject(new Error('nothing is filed')),
      log: createLog({ name: 'test', destination: { write: () => undefined } }),
    })
  const status = async () => (await ask('GET', client)).body['status']
  const standing = () => localSystems.view().clients.get('DEV/GOV/1000/population')?.standing
  const { asked } = localSystems
  /** The process ends between the registry's answer and the note of it. */
  const askAndEnd = async (url: string): Promise<void> => {
    localSystems.asked = () => Promise.reject(new Error('it ends'))
    t.equal((await ask('PUT', url)).status, 500)
    localSystems.asked = asked
  }
  const decide = async (decision: 'approve' | 'decline') => {
    const [newest] = (await node.must('GET', '/management-requests?limit=1')) as { id: number }[]
    await (decision === 'approve'
      ? approveNewest(node)
      : node.must('POST', `/management-requests/${newest!.id}/decline`, { reason: 'no' }))
  }

  await askAndEnd(`${client}/register`)
  await started().run({} as never)
  t.equal(await status(), 'REGISTRATION_IN_PROGRESS')
  await decide('decline')
  await started().run({} as never)
  t.equal(await status(), 'SAVED')

  // Nothing reached the registry, which is asked no more then.
  await localSystems.asking({ ...owner, subsystemCode: 'population' })
  const job = started()
  for (let nth = 0; nth < 2; nth++) await job.run({} as never)
  t.strictSame(standing(), { standing: '', asked: '', request: 0 })
  looks = 0
  await job.run({} as never)
  t.equal(looks, 0)

  await ask('PUT', `${client}/register`)
  await decide('approve')
  await localSystems.settle(() => true)
  await askAndEnd(`${client}/disable`)
  await decide('approve')
  await started().run({} as never)
  await localSystems.settle(() => false)
  t.strictSame(standing(), { standing: 'DISABLED', asked: '', request: 0 }, 'in force before it was found')
})

t.test('both sign here, or nothing is filed', async (t) => {
  const { ask, world, keys, node, registryClock } = await startFiling(t)
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:1000:ss1', address: 'ss1.example' })
  await ask('POST', '/clients', { id: GUEST })
  // Still valid by this server's clock, but expired by the registry's, which is a little ahead.
  await signingCertificate(world, keys, second, { notAfter: new Date(world.now + 60_000) })
  registryClock.now = world.now + 120_000
  t.match(await ask('PUT', `/clients/${GUEST}/register`), {
    status: 409,
    body: { type: 'registration_refused', message: /cert_validation/ },
  })
  t.match(JSON.parse((await ask('GET', '/management-requests')).raw.toString()), [{ state: 'REVOKED' }])
  registryClock.now = world.now
  t.match(await ask('PUT', `/clients/${GUEST}/register`), { body: { state: 'SUBMITTED_FOR_APPROVAL' } })
})

t.test('the registry is asked as seldom as the reader allows', async (t) => {
  const { ask, world, node, registryClock } = await startFiling(t)
  const later = (ms: number): void => {
    world.now += ms
    registryClock.now = world.now
  }
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:1000:ss1', address: 'ss1.example' })
  await ask('POST', '/clients', { id: 'DEV:GOV:1000:population' })
  const seen = async (query = '') => {
    const { status, raw, headers } = await ask('GET', `/management-requests${query}`)
    t.equal(status, 200)
    const states = (JSON.parse(raw.toString()) as { state: string }[]).map(({ state }) => state)
    return { states, askedAt: String(headers['x-asked-at']) }
  }
  const first = await seen('?maxAgeSeconds=300')
  t.strictSame(first, { states: [], askedAt: new Date(world.now).toISOString() })
  const filed = await ask('PUT', '/clients/DEV:GOV:1000:population/register', { subsystemName: 'Persons' })
  const second = await seen('?maxAgeSeconds=300')
  t.strictSame(second.states, ['SUBMITTED_FOR_APPROVAL'], 'what this server does is known at once')
  await node.must('POST', `/management-requests/${filed.body['request']}/decline`, { reason: 'no' })
  later(299_000)
  t.strictSame(await seen('?maxAgeSeconds=300'), second, 'as it was told, with its time')
  later(1_000)
  const third = await seen('?maxAgeSeconds=300')
  t.strictSame(third, { states: ['DECLINED'], askedAt: new Date(world.now).toISOString() })
  later(1_000)
  t.equal((await seen()).askedAt, new Date(world.now).toISOString(), 'without an age it is asked now')
  t.equal((await ask('GET', '/management-requests?maxAgeSeconds=-1')).status, 400)
})

t.test('nothing is sent to a registry that is not the one', async (t) => {
  const { ask, world, keys, node, connect } = await startFiling(t)
  const { sha256 } = await authenticationCertificate(world, keys, { register: false })
  const register = () => ask('PUT', `/token-certificates/${sha256}/register`, { address: 'ss1.example' })
  const unavailable = { status: 502, body: { type: 'registration_unavailable' } }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: 'registry.example', ipAddresses: [] }
  connect(selfSignedCertificate({ privateKey, names, at: new Date() }))
  t.match(await register(), unavailable, 'another certificate of the same name')
  connect()
  const { shared, privateParameters } = world.configuration!
  const service = privateParameters!.managementService!
  for (const [what, managementService] of [
    ['no service', undefined],
    ['no certificate', { ...service, authCertRegServiceCert: undefined }],
    ['no TLS', { ...service, authCertRegServiceAddress: `http://${node.settings.public.address}:8001/` }],
    ['no URL', { ...service, authCertRegServiceAddress: 'nowhere' }],
  ] as const) {
    world.configuration = indexConfiguration(shared, { ...privateParameters!, managementService })
    t.match(await register(), unavailable, what)
  }
  connect()
  t.same(await node.must('GET', '/management-requests'), [])
  t.equal((await ask('PUT', `/token-certificates/${'0'.repeat(64)}/register`, { address: 'x' })).status, 404)
  const signing = keys
    .tokens()
    .flatMap((token) => token.keys)
    .find(({ usage }) => usage === 'SIGNING')!
  const url = `/token-certificates/${signing.certificates[0]!.sha256}/register`
  t.match(await ask('PUT', url, { address: 'x' }), { status: 400, body: { type: 'incorrect_certificate' } })
  keys.logout()
  t.match(await register(), { status: 503, body: { type: 'token_not_active' } })
  await node.stop()
})

t.test('a registry with a certificate of a CA, and answers that are none', async (t) => {
  const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const request = certificationRequest({ privateKey, subject: [{ type: 'CN', value: 'registry.example' }] })
  const { der } = await authority.issue({
    request,
    profile: 'client-system',
    subject: [
      ['C', 'FI'],
      ['CN', 'registry.example'],
    ],
  })
  let answer: { status: number; body: string } = { status: 200, body: '[]' }
  const early: (string | undefined)[] = []
  const chain = certificatePem(der) + certificatePem(authority.intermediate.der)
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const registry = createServer({ key, cert: chain }, (_request, response) => {
    if (early.length === 0) return response.writeHead(answer.status).end(answer.body)
    const later = early.shift()
    return response.writeHead(429, later === undefined ? {} : { 'retry-after': later }).end()
  })
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  t.teardown(() => registry.close())
  const { port } = registry.address() as AddressInfo
  const client = createRegistrationClient(() => ({
    authCertRegServiceAddress: `https://127.0.0.1:${port}/managementservice/`,
    authCertRegServiceCert: der,
  }))
  t.same(await client.states('{}'), [], 'whoever issued it: the certificate itself is what counts')
  early.push('1', undefined)
  t.same(await client.states('{}'), [], 'it waits for its turn, which others at its address may have taken')
  t.equal(early.length, 0)
  early.push('60')
  t.equal(await codeOf(client.states('{}')), 'too_many_requests', 'but not for a minute')
  for (const body of ['', 'null', '{}', '[{}]', '[1]', 'x', '[', '"x"', `"${'x'.repeat(600_000)}"`]) {
    answer = { status: 200, body }
    t.equal(await codeOf(client.states('{}')), 'registration_unavailable', body.slice(0, 20))
    t.equal(await codeOf(client.file('{}')), 'registration_unavailable', body.slice(0, 20))
  }
  for (const body of ['', 'null', 'x', '<html>', '{"type":7}', '{"type":"a","message":"b\\u0000c"}']) {
    answer = { status: 404, body }
    t.match(await codeOf(client.revoke('{}')), /^registration_(refused|unavailable)$/, body)
  }
})
