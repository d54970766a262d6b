import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { type AdminWorld, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { createPostMessage } from '../../global-configuration/registration/client.ts'
import { certificationRequest } from '../../keys/certification-request.ts'
import { authenticationCertificate, member, second, signingCertificate } from '../../keys/keys-fixture.ts'
import { selfSignedCertificate } from '../../keys/self-signed.ts'
import { certificatePem } from '../../local-systems/view.ts'
import { createRegistrationClient } from './client.ts'
import { readRegistrationAnswer } from './x-road/read-answer.ts'
import { writeRegistrationMessage, writeRegistrationSoap } from './x-road/write-registration.ts'

const GUEST = 'DEV:COM:4000:tax'

/** Starts a server with keys that the registry's CA certified, and the registry, which knows the server's member and a guest. */
async function start(
  t: Test,
  o: { isXRoads?: boolean } = {},
): Promise<AdminWorld & { node: Node; connect(certificate?: Buffer): void; registryClock: { now: number } }> {
  const admin = await createAdminWorld(t, o.isXRoads === true ? {} : { statementIndex: 1 })
  const { world, keys } = admin
  const registry = registryWorld(t)
  registry.clock.now = world.now
  const node = await registry.start({ registration: true })
  await setUp(node, world.authority)
  await node.must('POST', '/member-classes', { code: 'COM', description: 'Companies' })
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '1000', name: 'Agency Ä' })
  await node.must('POST', '/members', { memberClass: 'COM', memberCode: '4000', name: 'Guest' })
  await signingCertificate(world, keys, member, { algorithm: o.isXRoads === true ? 'RSA-2048' : 'P-256' })
  const shown = readCertificate(readFileSync(node.settings.registration!.certificateFile)).der
  const connect = (certificate: Buffer | undefined = shown): void => {
    world.configuration = indexConfiguration(world.configuration!.shared, {
      instance: 'DEV',
      anchors: [],
      timeStampingIntervalSeconds: 60,
      managementService: {
        authCertRegServiceAddress: `https://${node.settings.public.address}:4001/managementservice/`,
        authCertRegServiceCert: certificate,
        providerId: { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', subsystemCode: 'plain' },
      },
    })
  }
  connect()
  return { ...admin, node, connect, registryClock: registry.clock }
}

/** Approves the newest request, as an administrator of the registry does. */
async function approveNewest(node: Node): Promise<void> {
  const [newest] = (await node.must('GET', '/management-requests?limit=1')) as { id: number }[]
  const { contentHash } = (await node.must('GET', `/management-requests/${newest!.id}`)) as {
    contentHash: string
  }
  await node.must('POST', `/management-requests/${newest!.id}/approve`, { contentHash })
}

t.test('every request that a server files, and what it is told', async (t) => {
  const { ask, world, keys, node } = await start(t)
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
  await signingCertificate(world, keys, second)
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

t.test('both sign here, or nothing is filed', async (t) => {
  const { ask, world, keys, node, registryClock } = await start(t)
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

t.test('nothing is sent to a registry that is not the one', async (t) => {
  const { ask, world, keys, node, connect } = await start(t)
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
  const chain = certificatePem(der) + certificatePem(authority.intermediate.der)
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const registry = createServer({ key, cert: chain }, (_request, response) =>
    response.writeHead(answer.status).end(answer.body),
  )
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  t.teardown(() => registry.close())
  const { port } = registry.address() as AddressInfo
  const client = createRegistrationClient(() => ({
    authCertRegServiceAddress: `https://127.0.0.1:${port}/managementservice/`,
    authCertRegServiceCert: der,
  }))
  t.same(await client.states('{}'), [], 'whoever issued it: the certificate itself is what counts')
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

t.test(
  "in an X-Road instance a certificate is registered in X-Road's form; the operator enters the rest",
  async (t) => {
    const { ask, world, keys, node, connect } = await start(t, { isXRoads: true })
    const { sha256 } = await authenticationCertificate(world, keys, { register: false })
    const register = () => ask('PUT', `/token-certificates/${sha256}/register`, { address: 'ss1.example' })
    // X-Road's central server takes what our registry takes: its reader was tried with X-Road's own code.
    const registered = await register()
    t.match(registered, {
      status: 200,
      body: { kind: 'authCertReg', state: 'SUBMITTED_FOR_APPROVAL', serverId: 'DEV:GOV:1000:ss1' },
    })
    t.match(await node.must('GET', `/management-requests/${registered.body['request']}`), {
      kind: 'authCertReg',
      server: 'DEV:GOV:1000:ss1',
      conflicts: [],
      proofs: [{ format: 'X-Road', signer: 'DEV/GOV/1000', authenticationCertificate: { sha256 } }],
    })
    t.match(await register(), { status: 409, body: { type: 'registration_refused', message: /conflict: / } })
    await approveNewest(node)
    t.match(await node.must('GET', '/security-servers?q=DEV:GOV:1000'), [
      { address: 'ss1.example', certificates: [sha256] },
    ])
    const [signing] = keys
      .tokens()
      .flatMap((token) => token.keys)
      .filter(({ usage }) => usage === 'SIGNING')
    const url = `/token-certificates/${signing!.certificates[0]!.sha256}/register`
    t.match(await ask('PUT', url, { address: 'x' }), { status: 400, body: { type: 'incorrect_certificate' } })

    await ask('POST', '/clients', { id: 'DEV:GOV:1000:population' })
    const untaken = { status: 502, body: { type: 'registration_unavailable', message: /X-Road's.*operator/ } }
    t.match(await ask('PUT', '/clients/DEV:GOV:1000:population/register'), untaken)
    t.match(await ask('PUT', `/token-certificates/${sha256}/unregister`), untaken)
    t.match(await ask('PUT', '/system/server-address', { address: 'moved.example' }), untaken)
    t.match(await ask('GET', '/management-requests'), untaken)
    t.match(await ask('DELETE', '/management-requests/1'), untaken)

    const { shared, privateParameters } = world.configuration!
    const managementService = { ...privateParameters!.managementService!, providerId: undefined }
    world.configuration = indexConfiguration(shared, { ...privateParameters!, managementService })
    t.match(await register(), {
      status: 502,
      body: { type: 'registration_unavailable', message: /provider/ },
    })
    connect(
      selfSignedCertificate({
        ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
        names: { hostName: 'x', ipAddresses: [] },
        at: new Date(),
      }),
    )
    t.match(
      await register(),
      { status: 502, body: { message: /no answer came from/ } },
      'another certificate',
    )
  },
)

t.test("the bytes of X-Road's authCertReg", async (t) => {
  const soap = writeRegistrationSoap({
    id: '6f2a',
    server: { instance: 'DEV', memberClass: 'GOV', memberCode: '1<0', serverCode: 'ss&1' },
    provider: { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', subsystemCode: 'management' },
    address: 'ss1.example',
    certificate: Buffer.from('certificate'),
  })
  const member = (code: string) =>
    `<id:xRoadInstance>DEV</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>${code}</id:memberCode>`
  t.equal(
    soap.toString(),
    '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xrd="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:rep="http://x-road.eu/xsd/representation.xsd"><SOAP-ENV:Header>' +
      `<xrd:client id:objectType="MEMBER">${member('1&lt;0')}</xrd:client>` +
      `<xrd:service id:objectType="SERVICE">${member('1234')}<id:subsystemCode>management</id:subsystemCode><id:serviceCode>authCertReg</id:serviceCode></xrd:service>` +
      '<xrd:id>6f2a</xrd:id><xrd:protocolVersion>4.0</xrd:protocolVersion></SOAP-ENV:Header><SOAP-ENV:Body>' +
      `<xrd:authCertReg><xrd:server id:objectType="SERVER">${member('1&lt;0')}<id:serverCode>ss&amp;1</id:serverCode></xrd:server>` +
      '<xrd:address>ss1.example</xrd:address><xrd:authCert>Y2VydGlmaWNhdGU=</xrd:authCert></xrd:authCertReg></SOAP-ENV:Body></SOAP-ENV:Envelope>',
  )
  const signature = (name: string, algorithm: string) => ({
    algorithm,
    value: Buffer.from(`value of ${name}`),
    certificate: { der: Buffer.from(`certificate of ${name}`) } as Certificate,
  })
  const { contentType, body } = writeRegistrationMessage(
    Buffer.from('<soap/>'),
    {
      authentication: signature('authentication', 'SHA512withECDSA'),
      owner: signature('owner', 'SHA512withRSA'),
      ocspResponse: Buffer.from('answer'),
    },
    'xroadA',
  )
  t.equal(contentType, 'multipart/related; type="application/octet-stream"; charset=UTF-8; boundary=xroadA')
  const binary = '\r\n--xroadA\r\ncontent-type: application/octet-stream\r\n'
  t.equal(
    body.toString(),
    '--xroadA\r\ncontent-type: text/xml; charset=UTF-8\r\n\r\n<soap/>' +
      `${binary}signature-algorithm-id: SHA512withECDSA\r\n\r\nvalue of authentication` +
      `${binary}signature-algorithm-id: SHA512withRSA\r\n\r\nvalue of owner` +
      `${binary}\r\ncertificate of authentication${binary}\r\ncertificate of owner${binary}\r\nanswer\r\n--xroadA--\r\n`,
  )
})

t.test("answers of X-Road's registration service, and of others", async (t) => {
  const server = { instance: 'DEV', memberClass: 'GOV', memberCode: '1', serverCode: 's' }
  const question = { provider: server, server, address: 'a.example', certificate: Buffer.from('c') }
  const soap = writeRegistrationSoap({ id: 'q1', ...question })
  const answerTo = (asked: Buffer, number = '<xrd:requestId>42</xrd:requestId>'): string =>
    asked
      .toString()
      .replace('<xrd:authCertReg>', '<xrd:authCertRegResponse>')
      .replace('</xrd:authCertReg>', `${number}</xrd:authCertRegResponse>`)
  const read = (body: string, o: { status?: number; contentType?: string } = {}): Promise<number> =>
    readRegistrationAnswer(soap, {
      status: 200,
      contentType: 'text/xml;charset=UTF-8',
      ...o,
      bytes: Buffer.from(body),
    })
  t.equal(await read(answerTo(soap)), 42)
  const fault = (code: string, text: string): string =>
    `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>${code}</faultcode><faultstring>${text}</faultstring><detail><faultDetail xmlns="">7d1</faultDetail></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>`
  const refused = fault('invalid_request', 'Sender does not match&#10;server owner.')
  for (const status of [200, 500])
    await t.rejects(read(refused, { status }), {
      code: 'registration_refused',
      message: /invalid_request: Sender does not match server owner\./,
      detail: '7d1',
    })
  const html = '<html><body>secret page</body></html>'
  await t.rejects(read(html, { status: 502, contentType: 'text/html' }), {
    code: 'registration_unavailable',
    message: /answered 502, content type text\/html/,
  })
  const others: [string, string, object?][] = [
    ['a page with status 200', html, { contentType: 'text/html' }],
    ['no content type', html, { contentType: '' }],
    ['a content type that is none', answerTo(soap), { contentType: 'text xml' }],
    ['the right answer with another status', answerTo(soap), { status: 202 }],
    ['nothing', ''],
    ['the question itself', soap.toString()],
    ['an answer to another question', answerTo(writeRegistrationSoap({ id: 'q2', ...question }))],
    ['no number', answerTo(soap, '')],
    ['a number that is none', answerTo(soap, '<xrd:requestId>4x2</xrd:requestId>')],
    ['a number of another namespace', answerTo(soap, '<requestId xmlns="urn:x">42</requestId>')],
    ['a negative number', answerTo(soap, '<xrd:requestId>-1</xrd:requestId>')],
    ['a number too large', answerTo(soap, `<xrd:requestId>${'9'.repeat(16)}</xrd:requestId>`)],
    ['a document type', `<!DOCTYPE a>${answerTo(soap)}`],
  ]
  for (const [what, body, o] of others) {
    t.equal(await codeOf(read(body, o)), 'registration_unavailable', what)
    if (body === html) t.notMatch(await read(body, o).catch(String), /secret/, 'the page is not repeated')
  }
  const post = createPostMessage(() => undefined)
  t.equal(await codeOf(post('text/xml', soap)), 'registration_unavailable')
})
