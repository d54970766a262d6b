/** The adapter before a consumer's security server: what it asks, and which answers it takes. */
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { startSystem } from '#adapters/kit/system/system-fixture.ts'
import { startBefore } from './soap-fixture.ts'

const XROAD = 'xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:i="http://x-road.eu/xsd/identifiers"'
const CLIENT = 'DEV/GOV/1002/tax'
const SETTINGS = { xRoadProvider: 'DEV/GOV/1001/land', consumer: { clients: [CLIENT] } }
const HASH = /<x:requestHash[^>]*>[^<]*<\/x:requestHash>/

/** The answer of a security server to this request: its header again, with the hash. */
function answerTo(request: string): string {
  const [, header = ''] = /<soap:Header>(.*)<\/soap:Header>/s.exec(request) ?? []
  const sha512 = createHash('sha512').update(request).digest('base64')
  const hash = `<x:requestHash ${XROAD} algorithmId="http://www.w3.org/2001/04/xmlenc#sha512">${sha512}</x:requestHash>`
  return (
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>${header}${hash}</s:Header><s:Body>` +
    '<findOwnersResponse xmlns="http://land.example/owners"><found>1</found></findOwnersResponse></s:Body></s:Envelope>'
  )
}

function faultOf(code: string, text = 'no', detail = ''): string {
  return (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>' +
    `<faultcode>${code}</faultcode><faultstring>${text}</faultstring>${detail}</s:Fault></s:Body></s:Envelope>`
  )
}

async function start(t: Test, settings: object = SETTINGS) {
  const state = { change: (answer: string): string => answer, asked: '' }
  const { url } = await startSystem(t, (app) => {
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    app.removeContentTypeParser('text/plain')
    app.post('/', async ({ body }, reply) => {
      state.asked = String(body)
      return reply.header('content-type', 'text/xml; charset=utf-8').send(state.change(answerTo(state.asked)))
    })
  })
  const adapter = await startBefore(t, url, settings)
  const post = (headers: Record<string, string> = {}) => adapter.post('/findOwners', { name: 'x' }, headers)
  return { ...adapter, state, post }
}

t.test('who asks, for whom and whom goes on as REST has it', async (t) => {
  const { state, post } = await start(t)
  const all = {
    ...{ 'x-road-client': CLIENT, 'x-road-id': 'one', 'x-road-userid': 'EE1', 'x-road-issue': '7' },
    ...{ 'x-road-represented-party': 'COM/12%263', 'x-road-security-server': 'DEV/GOV/1001/ss1' },
  }
  const asked = await post(all)
  t.match([asked.status, asked.headers['x-road-id']], [200, 'one'], asked.text)
  t.match(
    state.asked,
    /<x:securityServer [^>]*i:objectType="SERVER"><i:xRoadInstance>DEV<\/i:xRoadInstance><i:memberClass>GOV<\/i:memberClass><i:memberCode>1001<\/i:memberCode><i:serverCode>ss1<\/i:serverCode><\/x:securityServer><r:representedParty xmlns:r="http:\/\/x-road.eu\/xsd\/representation.xsd"><r:partyClass>COM<\/r:partyClass><r:partyCode>12&amp;3<\/r:partyCode><\/r:representedParty>/,
  )
  t.match(state.asked, /<x:issue [^>]*>7</)
  t.equal((await post({ 'x-road-represented-party': '123' })).status, 200)
  t.match(state.asked, /<r:representedParty [^>]*><r:partyCode>123<\/r:partyCode><\/r:representedParty>/)

  const bare = await post()
  t.equal(bare.status, 200, bare.text)
  t.match(state.asked, /<i:subsystemCode>tax</, 'the only client need not be named')
  const { 'x-road-id': made } = bare.headers
  t.match(made, /^DEV-[0-9a-f-]{36}$/)
  t.ok(state.asked.includes(`>${made}<`), 'an id is made')

  state.asked = ''
  for (const [headers, type] of [
    [{ 'x-road-client': 'DEV/GOV/1002/other' }, 'unknown_member'],
    [{ 'x-road-client': 'nobody' }, 'invalid_client_identifier'],
    [{ 'x-road-represented-party': 'a/b/c' }, 'invalid_client_identifier'],
    [{ 'x-road-security-server': 'DEV/GOV' }, /./],
  ] as const) {
    const refused = await post(headers)
    t.ok(refused.status >= 400 && refused.status < 500, refused.text)
    t.match(refused.json, { type })
  }
  t.equal(state.asked, '', 'none of them was asked')
})

t.test('of several clients one has to be named', async (t) => {
  const { post } = await start(t, { ...SETTINGS, consumer: { clients: [CLIENT, 'DEV/GOV/1003'] } })
  t.equal((await post()).status, 400)
  t.equal((await post({ 'x-road-client': 'DEV/GOV/1003' })).status, 200)
})

t.test('an answer to another request is none', async (t) => {
  const { state, post, lines } = await start(t)
  const other: [what: RegExp, change: (answer: string) => string][] = [
    [/another request: requestHash/, (answer) => answer.replace(HASH, '')],
    [/another request: requestHash/, (answer) => answer.replace(/sha512">.{8}/, 'sha512">AAAAAAAA')],
    [/another request: requestHash/, (answer) => answer.replace('xmlenc#sha512', 'xmlenc#sha256')],
    [/another request: id$/m, (answer) => answer.replace('>one<', '>two<')],
    [/another request: client$/m, (answer) => answer.replace('>tax<', '>other<')],
    [/another request: service$/m, (answer) => answer.replace('>land<', '>other<')],
    [/not as a security server does/, (answer) => answer.replace(/<s:Header>.*<\/s:Header>/s, '')],
    [/not as a security server does/, (answer) => answer.replace(/<x:id .*?<\/x:id>/, '')],
    [/not as a security server does/, (answer) => answer.replace(HASH, (hash) => hash + hash)],
  ]
  for (const [what, change] of other) {
    state.change = change
    const before = lines.length
    t.match(await post({ 'x-road-id': 'one' }), { status: 502, json: { type: 'source_failed' } })
    t.match(JSON.parse(lines[before] ?? '{}').err?.stack ?? '', what)
  }
  state.change = (answer) => answer
  t.equal((await post()).status, 200)
})

t.test('faults keep the code of the security server that gave them', async (t) => {
  const { state, post, lines } = await start(t)
  const detail =
    '<detail><f:faultDetail xmlns:f="http://x-road.eu/xsd/faultdetail">1-2-3</f:faultDetail></detail>'
  for (const code of [
    'server.serverproxy.access_denied',
    'server.clientproxy.network_error',
    'client.unknown_member',
    'Server.ServerProxy.AccessDenied',
    'signer.token_not_active',
  ]) {
    state.change = () => faultOf(code, 'not for you', detail)
    const refused = await post()
    t.match(refused, {
      ...{ status: 500, headers: { 'x-road-error': code } },
      json: { type: code, message: 'not for you', detail: '1-2-3' },
    })
    t.ok(lines.join('').includes(code), 'the log has all of it')
  }
  for (const [code, status, type] of [
    ['s:Client.No', 400, 'source_refused'],
    ['Client', 400, 'source_refused'],
    ['client.what', 400, 'source_refused'],
    ['s:Server', 502, 'source_failed'],
    ['s:Server.Down.For.Lunch', 502, 'source_failed'],
    ['server.serverproxy.&lt;b&gt;', 502, 'source_failed'],
  ] as const) {
    state.change = () => faultOf(code, 'SECRET')
    const refused = await post()
    t.match(refused, { status, json: { type } }, code)
    t.notMatch(refused.text, /SECRET/)
  }
  t.match(lines.join(''), /a SOAP fault Server\.Down\.For\.Lunch/)
  t.notMatch(lines.join(''), /SECRET|is not declared/)
})

t.test('settings of a consumer', async (t) => {
  const { consumer, xRoadProvider } = SETTINGS
  await t.rejects(start(t, { consumer }), { message: /needs xRoadProvider/ })
  await t.rejects(start(t, { xRoadProvider, consumer: { clients: ['tax'] } }), {
    message: /consumer.clients.0 must be INSTANCE/,
  })
  const most = 10 * 1024 * 1024
  await t.rejects(start(t, { ...SETTINGS, limits: { answerBytes: most + 1 } }), {
    message: /limits.answerBytes is above 10 MiB/,
  })
  await start(t, { ...SETTINGS, limits: { answerBytes: most } })
})
