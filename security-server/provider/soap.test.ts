/**
 * SOAP on the provider's side: what is signed is what is called, replays are known without a signed id,
 * nothing unsigned comes in.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import t from 'tap'
import { faultStatement } from '#core/transport/fault-statement.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import type { Body } from '../message/body.ts'
import type { MessageSignature } from '../message/message.ts'
import { soap } from '../message/soap.ts'
import { TAX } from '../peer/peer-fixture.ts'
import { createMessageSigner } from '../peer/sign-message.ts'
import { writeMessage } from '../peer/write-message.ts'
import { createContractQuotas } from './contract-quotas/contract-quotas.ts'
import { contractQuotaMigrations } from './contract-quotas/migrations.ts'
import { createQuotaStore } from './contract-quotas/store.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, isSignedByProvider, refusalIn } from './fixture.ts'
import type { Arrival } from './receive.ts'

const made = await createProviderWorld(t)
const { world, rooms, system } = made
Object.assign(made.service, { type: 'WSDL' })
const sign = createMessageSigner({ keys: world.consumer.keys, clock: world.clock })
const sha512 = (bytes: Buffer): Buffer => createHash('sha512').update(bytes).digest()

type Sent = { message: Buffer; body: Body | undefined; signature: MessageSignature }

function messageOf(id: string, text = 'x'): Buffer {
  const content = `<p:persons xmlns:p="urn:p">${text}</p:persons>`
  return Buffer.from(writeSoap({ client: TAX, service: made.service.id, id }, content))
}

/** Attachments as one body, as a server spools them. */
async function attached(files: Buffer[]): Promise<Body> {
  const writer = world.spool.begin({ maxBytes: 1e7 })
  for (const file of files) await writer.write(file)
  const attachments = files.map((file) => ({
    ...{ size: file.length, sha512: sha512(file) },
    headers: [['Content-Type', 'application/octet-stream']] as [string, string][],
  }))
  return { ...(await writer.end()), attachments }
}

async function signed(message: Buffer, files: Buffer[] = []): Promise<Sent> {
  const body = files.length === 0 ? undefined : await attached(files)
  const { signature } = await sign(memberOf(TAX), { messageSha512: sha512(message), body })
  return { message, body, signature }
}

/** What a peer puts on the wire for this. */
function arrivalOf(sent: Sent, requestId: string, change: Record<string, string> = {}): Arrival {
  const { certificate, intermediates, ocspResponses } = world.consumer.keys.authenticationIdentity()
  const part = { contentType: 'text/xml; charset=UTF-8', headers: [] }
  const { contentType, content } = writeMessage({ codec: soap, part, ocspResponses, ...sent })
  const bytes = content()
  return {
    headers: {
      'content-type': contentType,
      'x-hash-algorithm': 'SHA-512',
      'x-proxy-version': '7.8.1',
      'x-road-request-id': requestId,
      'x-original-content-type': 'text/xml; charset=UTF-8',
      ...change,
    },
    content: Buffer.isBuffer(bytes) ? Readable.from([bytes], { objectMode: false }) : bytes,
    presented: [certificate, ...intermediates],
    protocol: 'TLSv1.3',
  }
}

system.answer = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString('latin1')
    const from = text.indexOf('<?xml')
    const document = text.slice(from, text.indexOf('Envelope>', from) + 9)
    response.setHeader('Content-Type', 'text/xml')
    response.end(document.replaceAll(/(<\/?p:)persons/g, '$1personsResponse'))
  })
}

const refused = async (arrival: Arrival): Promise<string> =>
  (await refusalIn(made, exchange(arrival, rooms))).fault.code

t.test('a signed message is carried out once, whatever id it is sent under', async (t) => {
  const sent = await signed(messageOf('q-1'), [randomBytes(10), randomBytes(100_000)])
  await exchange(arrivalOf(sent, 'a'), rooms)
  t.equal(system.calls.length, 1)
  t.equal(await refused(arrivalOf(sent, 'a')), 'replayed_request')
  t.equal(await refused(arrivalOf(sent, 'b')), 'replayed_request', 'the id is not signed')
  t.equal(system.calls.length, 1)
  const batch = await Promise.all([1, 2, 3].map((n) => signed(messageOf('same', `${n}`))))
  t.ok(
    batch.every(({ signature }) => signature.hashChain !== undefined),
    'one signature of three messages',
  )
  for (const [n, one] of batch.entries()) await exchange(arrivalOf(one, `batch-${n}`), rooms)
  t.equal(system.calls.length, 4, 'which are three')
  for (const one of batch) t.equal(await refused(arrivalOf(one, 'c')), 'replayed_request')
})

t.test('what a system did is answered unless the asking server cannot read it', async (t) => {
  const { answer } = system
  t.teardown(() => Object.assign(system, { answer }))
  const response = (id: string): string =>
    messageOf(id)
      .toString()
      .replaceAll(/(<\/?p:)persons/g, '$1personsResponse')
  const ask = async (id: string, change: Record<string, string>) => {
    system.answer = (_request, to) => {
      to.setHeader('Content-Type', 'multipart/related; boundary=b')
      const long = `Content-Disposition: attachment; filename="${'x'.repeat(1000)}"`
      const parts = [`Content-Type: text/xml\r\n\r\n${response(id)}`, `Content-Type: a/b\r\n${long}\r\n\r\nx`]
      to.end(`${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--`)
    }
    return exchange(arrivalOf(await signed(messageOf(id)), id, change), rooms)
  }
  t.ok(await ask('q-ours', { 'x-concordat-configuration-index': '7' }), 'a server of ours')
  const { fault } = await refusalIn(made, ask('q-x-road', {}))
  t.match(fault, { code: 'service_failed', what: /its answer: the header content-disposition/ }, "X-Road's")
})

t.test("a fault of the system's own is signed as its answer, and as no refusal", async (t) => {
  const { answer } = system
  t.teardown(() => Object.assign(system, { answer }))
  const document = (code: string) =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>${code}</faultcode><faultstring>none</faultstring><detail><n>17</n></detail></s:Fault></s:Body></s:Envelope>`
  const answered = async (id: string, code: string) => {
    system.answer = (_request, response) =>
      void response.writeHead(500, { 'Content-Type': 'text/xml' }).end(document(code))
    const sent = await signed(messageOf(id))
    return { sent, ...(await refusalIn(made, exchange(arrivalOf(sent, id), rooms))) }
  }
  const { sent, fault, signatures } = await answered('q-fault', 's:Server.Own')
  t.equal(fault.code, 'peer_fault')
  const statement = (change: object = {}) =>
    faultStatement({
      ...{ requestId: 'q-fault', requestHash: sha512(sent.message).toString('base64') },
      ...{ document: Buffer.from(document('s:Server.Own')), ...change },
    })
  t.ok(await isSignedByProvider(made, statement(), signatures))
  for (const change of [
    { requestId: 'another' },
    { requestHash: sha512(Buffer.from('x')).toString('base64') },
    { document: Buffer.from(document('s:Server.Other')) },
  ])
    t.notOk(await isSignedByProvider(made, statement(change), signatures), JSON.stringify(change))
  t.match(made.log.records.at(-1), {
    kind: 'outcome-unknown',
    message: statement(),
    signature: { signatures },
  })
  const forged = await answered('q-forged', 'server.serverproxy.access_denied')
  t.strictSame(
    [forged.fault.code, forged.signatures],
    ['service_failed', undefined],
    'who speaks for a server is not signed',
  )
})

t.test('the security token extension: a token goes through as it is, under the signature', async (t) => {
  const token = (jwt: string): string =>
    '<st:securityToken xmlns:st="http://x-road.eu/xsd/security-token.xsd"' +
    ` tokenType="urn:ietf:params:oauth:token-type:jwt"> ${jwt}\n</st:securityToken>`
  const message = (jwt: string): Buffer =>
    Buffer.from(`${messageOf('q-token')}`.replace('<xrd:id>', `${token(jwt)}<xrd:id>`))
  const heard: string[] = []
  const { answer } = system
  t.teardown(() => Object.assign(system, { answer }))
  system.answer = (request, response) => {
    request.on('data', (chunk: Buffer) => heard.push(chunk.toString()))
    answer(request, response)
  }
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJFRTM4MDAxMDEwMDAwIn0.c2lnbmF0dXJl'
  const sent = await signed(message(jwt))
  await exchange(arrivalOf(sent, 'token'), rooms)
  t.equal(heard.join(''), sent.message.toString(), 'not a byte of it changes')
  t.ok(
    made.log.records.some((one) => one.message?.equals(sent.message)),
    'and it is in evidence',
  )
  t.match(
    await refused(arrivalOf({ ...sent, message: message(jwt.replace('c2ln', 'c2lo')) }, 'another')),
    /^invalid_|^malformed_/,
    'another token than was signed',
  )
  t.match(
    await refused(arrivalOf({ ...sent, message: messageOf('q-token') }, 'none')),
    /^invalid_|^malformed_/,
    'one that was taken out',
  )
})

t.test('what was not signed does not come in', async (t) => {
  const calls = system.calls.length
  const files = [randomBytes(50), randomBytes(50)]
  const good = await signed(messageOf('q-2'), files)
  const cases: [what: string, sent: Sent, code: RegExp][] = [
    ['another message', { ...good, message: messageOf('q-3') }, /^invalid_|^malformed_/],
    [
      'an attachment changed',
      { ...good, body: await attached([files[0]!, randomBytes(50)]) },
      /^invalid_|^malformed_/,
    ],
    [
      'attachments in another order',
      { ...good, body: await attached(files.toReversed()) },
      /^invalid_|^malformed_/,
    ],
    ['one dropped', { ...good, body: await attached(files.slice(0, 1)) }, /./],
    ['all dropped', { ...good, body: undefined }, /./],
    [
      'one more',
      { ...good, body: await attached([...files, Buffer.from('x')]) },
      /uncovered_part|unused_inputs/,
    ],
    [
      'an empty one more',
      { ...good, body: await attached([...files, Buffer.alloc(0)]) },
      /uncovered_part|unused_inputs/,
    ],
    ['another cut', { ...good, body: await attached([Buffer.concat(files)]) }, /./],
    [
      'no signature of the attachment',
      { ...(await signed(messageOf('q-4'))), body: await attached(files) },
      /uncovered_part/,
    ],
  ]
  for (const [what, sent, code] of cases) t.match(await refused(arrivalOf(sent, what)), code, what)
  const plain = await signed(messageOf('q-5'))
  const fault = Buffer.from(
    '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><Fault><faultcode>a</faultcode><faultstring>b</faultstring></Fault></Body></Envelope>',
  )
  t.equal(
    await refused(arrivalOf({ ...plain, message: fault }, 'f')),
    'invalid_soap',
    "a peer's words do not become ours",
  )
  t.equal(
    await refused(arrivalOf(plain, 'g', { 'x-original-soapaction': 'no quotes' })),
    'invalid_soap_action',
  )
  Object.assign(made.service, { type: 'REST' })
  t.equal(await refused(arrivalOf(plain, 'h')), 'service_type')
  Object.assign(made.service, { type: 'WSDL' })
  t.equal(system.calls.length, calls, 'nothing reached the system')
  await exchange(
    arrivalOf(plain, 'i', { 'x-original-content-type': 'multipart/related; start="<evil>"; boundary=x' }),
    rooms,
  )
  t.match(
    system.calls.at(-1)!.headers['content-type'],
    /^multipart\/related; boundary="xroad/,
    'its start is not passed on',
  )
})

t.test('a quota and a bound of calls at once hold for SOAP, too, and leave no body behind', async (t) => {
  const calls = system.calls.length
  const terms = { contract: 'c0ffee/2' }
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, contractQuotaMigrations)
  const under: typeof rooms = {
    ...rooms,
    contracts: { contractFor: () => terms, termsOfRefused: () => terms },
    contractQuotas: createContractQuotas({
      ...{ store: createQuotaStore(database), clock: world.clock, quotaOf: () => ({ perDay: 2 }) },
      onLease: () => undefined,
    }),
  }
  const send = async (id: string): Promise<unknown> =>
    exchange(arrivalOf(await signed(messageOf(id), [randomBytes(70_000)]), id), under)
  await send('quota-1')
  made.log.records.length = 0
  made.service.maxConcurrentCalls = 1
  under.servicePlaces = { enter: () => Promise.reject(new Fault('service_busy', { retryAfter: 1 })) }
  t.equal((await refusalIn(made, send('quota-2'))).fault.code, 'service_busy')
  under.servicePlaces = rooms.servicePlaces
  await send('quota-3')
  const { fault, signatures } = await refusalIn(made, send('quota-4'))
  t.match(fault, { code: 'contract_quota_used_up', what: /^c0ffee\/2: 2 calls a day \(UTC\), again at / })
  t.equal(signatures, undefined)
  t.equal(system.calls.length, calls + 2)
  t.strictSame(made.log.told(), ['request:', 'reply:ok'])
  await made.log.records[0]?.body?.discard()
})

t.test('messages follow the schemas of the WSDL where that is wanted', async (t) => {
  const service = made.service
  t.teardown(() => Object.assign(made, { service }))
  const documentText = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:p="urn:p"><w:types><xs:schema targetNamespace="urn:p">
    <xs:element name="persons" type="xs:int"/><xs:element name="personsResponse"><xs:simpleType>
    <xs:restriction base="xs:int"><xs:maxInclusive value="500"/></xs:restriction></xs:simpleType></xs:element>
    </xs:schema></w:types><w:message name="in"><w:part name="body" element="p:persons"/></w:message>
    <w:message name="out"><w:part name="body" element="p:personsResponse"/></w:message>
    <w:portType name="t"><w:operation name="persons"><w:input message="in"/><w:output message="out"/></w:operation></w:portType>
    <w:binding name="b" type="t"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <w:operation name="persons"><w:input><s:body/></w:input><w:output><s:body/></w:output></w:operation></w:binding></w:definitions>`
  made.service = { ...service, documentText, validate: 'ALL' }
  const calls = system.calls.length
  const asked = async (id: string, text: string) =>
    exchange(arrivalOf(await signed(messageOf(id, text)), id), rooms)
  await asked('fits', '7')
  t.equal(system.calls.length, calls + 1)
  const outside = await refusalIn(made, asked('no-number', 'Maasikas'))
  t.match(outside.fault, { code: 'not_as_described', what: /persons: body \/persons: type xs:int$/ })
  t.equal(system.calls.length, calls + 1, 'the system does not hear of it')
  const failed = await refusalIn(made, asked('too-large', '501'))
  t.match(failed.fault, { code: 'service_failed', what: /body \/personsResponse: facet maxInclusive$/ })
  t.equal(system.calls.length, calls + 2)
})
