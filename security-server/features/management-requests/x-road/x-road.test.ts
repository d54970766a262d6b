/**
 * Requests that our server files in X-Road's form: bytes, signatures, answers, and what the registry's reader
 * of that form makes of them.
 */
import { generateKeyPairSync } from 'node:crypto'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import type { Certificate } from '#core/certificate/certificate.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { receivedFault } from '#core/transport/fault-xml.ts'
import { nobody } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { RequestKind, RequestStatus, RequestSubject } from '#schemas/management-request.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { createPostMessage } from '../../../global-configuration/registration/client.ts'
import { authenticationCertificate, second, server, signingCertificate } from '../../../keys/keys-fixture.ts'
import { selfSignedCertificate } from '../../../keys/self-signed.ts'
import { createRegistrationClient } from '../client.ts'
import { createFiledRequests } from '../filed-requests.ts'
import { approveNewest, type Filing, startFiling } from '../filing-fixture.ts'
import { managementRequestHandlers } from '../management-requests.ts'
import { rememberStates } from '../remember-states.ts'
import { createFileXRoadRequest } from './file-request.ts'
import { readFilingAnswer } from './read-answer.ts'
import { createSendAsOwner, type SendForOperator } from './send-as-owner.ts'
import { writePlainMessage, writeRequestSoap, writeSignedMessage } from './write-request.ts'

const PROVIDER = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', subsystemCode: 'management' }

type XRoads = Filing & {
  /** Calls an operation of the API; "DEV:GOV:1000:tax" goes into its `clientId`, "7" into `request`. */
  act(
    operation: string,
    o?: { client?: string; sha256?: string; request?: string; body?: object },
  ): Promise<RequestStatus & { serverId: string }>
  /** The bodies of the messages that left through the server itself. */
  sent: Buffer[]
  /** What comes back of the next messages in place of the registry's answer. */
  instead: Fault | Buffer | undefined
}

/**
 * The operations of a server in an X-Road instance. A stand-in for the way over X-Road's management security
 * server passes its messages on to the registry as they are, and gives back the answer, or the fault of the
 * system behind that server.
 */
async function startXRoads(t: Test): Promise<XRoads> {
  const filing = await startFiling(t, { isXRoads: true })
  const { world, keys, localSystems } = filing
  const send: SendForOperator = async ({ headers, body }) => {
    made.sent.push(body)
    if (made.instead instanceof Fault) throw made.instead
    const type = headers.find(([name]) => name === 'Content-Type')![1]
    const bytes = made.instead ?? (await filing.passOn(body, type)).bytes
    const fault = receivedFault(bytes)
    if (fault !== undefined) throw Fault.fromPeer(fault)
    const open = () => Readable.from([bytes], { objectMode: false })
    return {
      status: 200,
      headers: [['Content-Type', 'text/xml;charset=UTF-8']],
      body: { size: bytes.length, open },
    }
  }
  const service = () => world.configuration!.privateParameters?.managementService
  const clock = () => world.now
  const rooms = {
    ...{ server, clock, keys, localSystems, isXRoads: () => true },
    registration: createRegistrationClient(service),
    fileXRoadRequest: createFileXRoadRequest({
      ...{ clock, keys, provider: () => service()?.providerId },
      post: createPostMessage(service),
      exchange: createSendAsOwner(send),
    }),
  }
  const remembered = rememberStates(clock, createFiledRequests(rooms))
  const handlers = managementRequestHandlers(rooms, remembered)
  const made: XRoads = {
    ...filing,
    sent: [],
    instead: undefined,
    act: async (operation, { client = '', sha256 = '', request = '', body } = {}) =>
      (await handlers[operation]!({
        ...{ params: { clientId: client, sha256, request }, query: {}, body, caller: nobody },
      })) as RequestStatus & { serverId: string },
  }
  return made
}

t.test("every kind in X-Road's form, as the registry's reader of it takes them", async (t) => {
  const world = await startXRoads(t)
  const { ask, act, node, keys } = world
  const { sha256 } = await authenticationCertificate(world.world, keys, { register: false })
  let last = 0
  /** What was filed has the next number and the proofs; it is approved. */
  const filed = async (kind: RequestKind, said: RequestStatus, signers: string[]): Promise<void> => {
    t.match(said, { request: ++last, kind, serverId: 'DEV:GOV:1000:ss1' })
    const waits = ['authCertReg', 'clientReg', 'ownerChange'].includes(kind)
    t.equal(said.state, waits ? 'SUBMITTED_FOR_APPROVAL' : 'APPROVED', `${kind}: as X-Road's central server`)
    const request = (await node.must('GET', `/management-requests/${last}`)) as {
      proofs: { signer: string }[]
    }
    t.match(request, { kind, server: 'DEV:GOV:1000:ss1', conflicts: [] })
    t.strictSame(
      request.proofs.map(({ signer }) => signer),
      signers,
      `${kind} is signed by ${signers.join(' and ')}`,
    )
    await approveNewest(node)
  }
  const OWNER = 'DEV/GOV/1000'
  const GUEST = 'DEV/COM/4000'
  const address = 'ss1.example'
  await filed('authCertReg', await act('registerCertificate', { sha256, body: { address } }), [OWNER])
  t.equal(world.sent.length, 0, 'this one goes to the central server itself')

  const client = 'DEV:GOV:1000:population'
  await ask('POST', '/clients', { id: client })
  const named = { body: { subsystemName: 'Persons & <others>' } }
  await filed('clientReg', await act('registerClient', { client, ...named }), [OWNER])
  await filed('clientDisable', await act('disableClient', { client }), [OWNER])
  await filed('clientEnable', await act('enableClient', { client }), [OWNER])
  await filed('clientRename', await act('renameClient', { client, body: { subsystemName: 'People' } }), [
    OWNER,
  ])
  await filed('addressChange', await act('addressChange', { body: { address: 'moved.example' } }), [OWNER])
  await filed(
    'maintenanceModeEnable',
    await act('enableMaintenanceMode', { body: { message: 'until noon' } }),
    [OWNER],
  )
  await filed('maintenanceModeDisable', await act('disableMaintenanceMode'), [OWNER])
  await filed('clientDeletion', await act('unregisterClient', { client }), [OWNER])
  await filed('authCertDeletion', await act('unregisterCertificate', { sha256 }), [OWNER])
  t.match(await node.must('GET', '/security-servers?q=DEV:GOV:1000'), [
    { address: 'moved.example', certificates: [], clients: [] },
  ])

  await ask('POST', '/clients', { id: 'DEV:COM:4000' })
  const nothing = world.sent.length
  t.equal(
    await codeOf(act('registerClient', { client: 'DEV:COM:4000' })),
    'cannot_sign',
    'the guest has no key here',
  )
  t.equal(world.sent.length, nothing, 'nothing is sent without its signature')
  await signingCertificate(world.world, keys, second)
  await filed('clientReg', await act('registerClient', { client: 'DEV:COM:4000' }), [GUEST, OWNER])
  await filed('ownerChange', await act('changeOwner', { client: 'DEV:COM:4000' }), [GUEST, OWNER])
  t.match(await node.must('GET', '/security-servers?q=DEV:COM:4000'), [{ address: 'moved.example' }])
})

t.test('what X-Road has no message for, and what does not come back as an answer', async (t) => {
  const world = await startXRoads(t)
  const { ask, act, node, connect } = world
  const { sha256 } = await authenticationCertificate(world.world, world.keys, { register: false })
  const register = () => act('registerCertificate', { sha256, body: { address: 'ss1.example' } })
  await register()
  await t.rejects(register(), { code: 'registration_refused', message: /conflict: / })
  await approveNewest(node)
  for (const operation of ['getManagementRequests', 'revokeManagementRequest'])
    await t.rejects(act(operation, { request: '1' }), {
      code: 'registration_unavailable',
      message: /X-Road's.*unregistered/,
    })

  const client = 'DEV:GOV:1000:population'
  await ask('POST', '/clients', { id: client })
  const disable = () => act('disableClient', { client })
  await t.rejects(
    disable(),
    { code: 'registration_refused', message: /conflict|not registered/ },
    "the registry's own fault",
  )
  const said = (type: string) => Fault.fromPeer({ type, message: 'Not now.\nOr never.', detail: '7d1' })
  world.instead = said('invalid_request')
  await t.rejects(disable(), {
    ...{ code: 'registration_refused', message: /invalid_request: Not now\. Or never\./, detail: '7d1' },
  })
  for (const type of [
    'server.serverproxy.service_failed',
    'Server.ServerProxy.AccessDenied',
    'client.unknown_member',
  ]) {
    world.instead = said(type)
    await t.rejects(
      disable(),
      { code: 'peer_fault', message: new RegExp(`${type}: Not now`), detail: '7d1' },
      `${type} is no word of the central server`,
    )
  }
  world.instead = new Fault('reply_not_accepted', { what: 'x' })
  await t.rejects(disable(), { code: 'reply_not_accepted' }, 'whether it was filed is not known')
  for (const answer of ['', '<html/>', 'x'.repeat(600_000)]) {
    world.instead = Buffer.from(answer)
    t.equal(await codeOf(disable()), 'registration_unavailable', answer.slice(0, 10))
  }
  world.instead = undefined

  const [signing] = world.keys
    .tokens()
    .flatMap((token) => token.keys)
    .filter(({ usage }) => usage === 'SIGNING')
  const wrong = { sha256: signing!.certificates[0]!.sha256, body: { address: 'x' } }
  t.equal(await codeOf(act('registerCertificate', wrong)), 'incorrect_certificate')
  const unknown = { sha256: '0'.repeat(64) }
  t.equal(await codeOf(act('unregisterCertificate', unknown)), 'cert_not_found')

  const { shared, privateParameters } = world.world.configuration!
  const managementService = { ...privateParameters!.managementService!, providerId: undefined }
  world.world.configuration = indexConfiguration(shared, { ...privateParameters!, managementService })
  await t.rejects(register(), { code: 'registration_unavailable', message: /provider/ })
  await t.rejects(disable(), { code: 'registration_unavailable', message: /provider/ })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  connect(selfSignedCertificate({ privateKey, names: { hostName: 'x', ipAddresses: [] }, at: new Date() }))
  await t.rejects(register(), { code: 'registration_unavailable', message: /no answer came from/ })
})

t.test("the API of a server in an X-Road instance sends by the server's own way of a message", async (t) => {
  const { ask } = await startFiling(t, { isXRoads: true })
  await ask('POST', '/clients', { id: 'DEV:GOV:1000:population' })
  t.match(
    await ask('PUT', '/clients/DEV:GOV:1000:population/register'),
    {
      status: 400,
      body: { type: 'unknown_member', message: /the provider DEV.GOV.1234.plain/ },
    },
    'whose server nobody knows: it is asked of the configuration, before anything is sent',
  )
})

t.test("the bytes of X-Road's requests", async (t) => {
  const member = (code: string) =>
    `<id:xRoadInstance>DEV</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>${code}</id:memberCode>`
  /** The message of this kind, with what follows the server in its request. */
  const message = (kind: string, fields: string): string =>
    '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xrd="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:rep="http://x-road.eu/xsd/representation.xsd"><SOAP-ENV:Header>' +
    `<xrd:client id:objectType="MEMBER">${member('1&lt;0')}</xrd:client>` +
    `<xrd:service id:objectType="SERVICE">${member('1234')}<id:subsystemCode>management</id:subsystemCode><id:serviceCode>${kind}</id:serviceCode></xrd:service>` +
    '<xrd:id>6f2a</xrd:id><xrd:protocolVersion>4.0</xrd:protocolVersion></SOAP-ENV:Header><SOAP-ENV:Body>' +
    `<xrd:${kind}><xrd:server id:objectType="SERVER">${member('1&lt;0')}<id:serverCode>ss&amp;1</id:serverCode></xrd:server>` +
    `${fields}</xrd:${kind}></SOAP-ENV:Body></SOAP-ENV:Envelope>`
  const subsystem = `<xrd:client id:objectType="SUBSYSTEM">${member('9')}<id:subsystemCode>tax</id:subsystemCode></xrd:client>`
  const client = 'DEV/GOV/9/tax'
  const cases: [RequestKind, Partial<RequestSubject>, string][] = [
    [
      'authCertReg',
      { address: 'ss1.example', certificate: 'Y2VydA==' },
      '<xrd:address>ss1.example</xrd:address><xrd:authCert>Y2VydA==</xrd:authCert>',
    ],
    ['authCertDeletion', { certificate: 'Y2VydA==' }, '<xrd:authCert>Y2VydA==</xrd:authCert>'],
    ['clientReg', { client }, subsystem],
    [
      'clientReg',
      { client, subsystemName: 'A & B' },
      `${subsystem}<xrd:subsystemName>A &amp; B</xrd:subsystemName>`,
    ],
    ['clientDeletion', { client }, subsystem],
    ['clientDisable', { client }, subsystem],
    ['clientEnable', { client }, subsystem],
    ['clientRename', { client, subsystemName: 'B' }, `${subsystem}<xrd:subsystemName>B</xrd:subsystemName>`],
    [
      'ownerChange',
      { newOwner: 'DEV/GOV/9' },
      `<xrd:client id:objectType="MEMBER">${member('9')}</xrd:client>`,
    ],
    ['addressChange', { address: 'new.example' }, '<xrd:address>new.example</xrd:address>'],
    ['maintenanceModeEnable', { message: '<b>' }, '<xrd:message>&lt;b&gt;</xrd:message>'],
    ['maintenanceModeEnable', {}, ''],
    ['maintenanceModeDisable', {}, ''],
  ]
  for (const [kind, fields, wanted] of cases) {
    const subject = { kind, server: 'DEV/GOV/1%3C0/ss%261', ...fields }
    const soap = writeRequestSoap({ id: '6f2a', provider: PROVIDER, subject })
    t.equal(soap.toString(), message(kind, wanted), kind)
  }
  const soap = Buffer.from('<soap/>')
  t.strictSame(writePlainMessage(soap), { contentType: 'text/xml; charset=UTF-8', body: soap })
  const signature = (name: string, algorithm: string) => ({
    algorithm,
    value: Buffer.from(`value of ${name}`),
    certificate: { der: Buffer.from(`certificate of ${name}`) } as Certificate,
  })
  const [authentication, owner] = [
    signature('authentication', 'SHA512withECDSA'),
    signature('owner', 'SHA512withRSA'),
  ]
  const ocspResponse = Buffer.from('answer')
  const binary = '\r\n--xroadA\r\ncontent-type: application/octet-stream\r\n'
  const begin = '--xroadA\r\ncontent-type: text/xml; charset=UTF-8\r\n\r\n<soap/>'
  const end = `${binary}\r\nanswer\r\n--xroadA--\r\n`
  const registration = writeSignedMessage(
    soap,
    { signatures: [authentication, owner], ocspResponse },
    'xroadA',
  )
  const type = 'multipart/related; type="application/octet-stream"; charset=UTF-8; boundary=xroadA'
  t.equal(registration.contentType, type)
  t.equal(
    registration.body.toString(),
    `${begin}${binary}signature-algorithm-id: SHA512withECDSA\r\n\r\nvalue of authentication` +
      `${binary}signature-algorithm-id: SHA512withRSA\r\n\r\nvalue of owner` +
      `${binary}\r\ncertificate of authentication${binary}\r\ncertificate of owner${end}`,
  )
  const other = writeSignedMessage(soap, { signatures: [owner], ocspResponse }, 'xroadA')
  t.equal(other.contentType, type)
  t.equal(
    other.body.toString(),
    `${begin}${binary}signature-algorithm-id: SHA512withRSA\r\n\r\nvalue of owner${binary}\r\ncertificate of owner${end}`,
  )
})

t.test("answers of X-Road's registration service, and of others", async (t) => {
  const subject = {
    kind: 'authCertReg',
    server: 'DEV/GOV/1/s',
    address: 'a.example',
    certificate: 'Yw==',
  } as const
  const soap = writeRequestSoap({ id: 'q1', provider: PROVIDER, subject })
  const answerTo = (asked: Buffer, number = '<xrd:requestId>42</xrd:requestId>'): string =>
    asked
      .toString()
      .replace('<xrd:authCertReg>', '<xrd:authCertRegResponse>')
      .replace('</xrd:authCertReg>', `${number}</xrd:authCertRegResponse>`)
  const read = (body: string, o: { status?: number; contentType?: string } = {}): Promise<number> =>
    readFilingAnswer(soap, {
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
    ['an answer to another question', answerTo(writeRequestSoap({ id: 'q2', provider: PROVIDER, subject }))],
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
