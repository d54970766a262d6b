/**
 * A system that speaks HTTP and one that speaks SOAP, each behind its adapter, and a REST system for who
 * speaks SOAP, asked by another agency through both security servers: registered by the command line, signed
 * and logged on both sides.
 */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { connect, ExchangeError, type SoapOptions } from '#adapters/client/index.ts'
import { httpAdapter } from '#adapters/http/adapter.ts'
import type { Adapter } from '#adapters/kit/adapter.ts'
import { startAdapter } from '#adapters/kit/kit-fixture.ts'
import type { KitSettings } from '#adapters/kit/settings.ts'
import { startSystem } from '#adapters/kit/system/system-fixture.ts'
import { soapAdapter } from '#adapters/soap/adapter.ts'
import { restAsSoapAdapter } from '#adapters/soap/rest-as-soap/adapter.ts'
import { messageOf, OPERATIONS, WSDL_FILE } from '#adapters/soap/rest-as-soap/rest-as-soap-fixture.ts'
import { EXAMPLES, startOwners } from '#adapters/soap/soap-fixture.ts'
import { shareWorld } from '../running-world.ts'
import { until } from '../until.ts'
import { ask as askWorld, colons } from '../world.ts'

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-adapters-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const world = await shareWorld()
const { population, tax } = world.servers
const CLIENT = { 'X-Road-Client': tax.client, 'X-Road-UserId': 'EE1' }

const concordat = async (...args: string[]): Promise<string> => {
  const { adminUrl: CONCORDAT_SERVER_URL, apiKeyFile: CONCORDAT_SERVER_KEY_FILE } = population
  const env = { ...process.env, CONCORDAT_SERVER_URL, CONCORDAT_SERVER_KEY_FILE }
  return (await promisify(execFile)(CONCORDAT, args, { env })).stdout
}

/** Serves, registers and enables an adapter as `code`, with the tax agency's right. Returns how it asks. */
async function serve<S extends KitSettings>(t: Test, adapter: Adapter<S>, code: string, settings: object) {
  const own = path.join(folder, code)
  await startAdapter(t, adapter, {
    settings: { ...settings, service: { code, title: code } },
    folder: own,
  })
  const file = path.join(own, 'adapter.yaml')
  const client = ['--client', colons(population.client)]
  const said = await concordat(
    'adapter',
    adapter.name,
    'register',
    '--configuration',
    file,
    ...client,
    '--enable',
  )
  const [, id = ''] = /add-access-right (\d+)/.exec(said) ?? []
  const subject = ['--subjectType', 'SUBSYSTEM', '--subjectId', colons(tax.client)]
  await concordat('server', 'add-access-right', id, ...subject)
  const { endpoints } = await world.admin.population.get<{ endpoints: { method: string; path: string }[] }>(
    `/services/${id}`,
  )
  const service = `/r1/${population.client}/${code}`
  const ask = (target: string, more: object = {}) =>
    world.ask('tax', service + target, { headers: CLIENT, ...more })
  return { ask, endpoints: endpoints.map((one) => `${one.method} ${one.path}`) }
}

t.test('an HTTP system', async (t) => {
  const { url, seen } = await startSystem(t, (app) => {
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    app.get('/api/people/:code', async ({ params }, reply) => {
      const { code } = params as { code: string }
      return code === 'none' ? reply.code(404).send({ said: 'none' }) : { code }
    })
    app.post('/api/people/:code/photo', async (request, reply) => {
      const hash = createHash('sha256')
      for await (const piece of request.body as Readable) hash.update(piece as Buffer)
      return reply.code(201).send({ digest: hash.digest('hex') })
    })
  })
  const { ask, endpoints } = await serve(t, httpAdapter, 'people', {
    system: { url: `${url}/api` },
    headers: { set: { 'X-Caller': '{client.memberCode}', 'X-User': '{x-road-userid}' } },
    paths: [
      { path: '/persons/{code}', methods: ['GET'], to: '/people/{code}' },
      { path: '/persons/{code}/photo', methods: ['POST'], to: '/people/{code}/photo' },
    ],
  })
  t.ok(endpoints.includes('GET /persons/*') && endpoints.includes('POST /persons/*/photo'))
  const one = await until('the right to be known', async (saw) => {
    const reply = await ask('/persons/P00000007')
    return saw(reply.status) === 200 && reply
  })
  t.strictSame(one.json(), { code: 'P00000007' })
  t.match(seen.at(-1)?.headers, { 'x-caller': '1002', 'x-user': 'EE1' })
  const missing = await ask('/persons/none')
  t.strictSame([missing.status, missing.json()], [404, { said: 'none' }], "the system's own word")
  const photo = randomBytes(500_000)
  const put = await ask('/persons/P00000007/photo', {
    ...{ method: 'POST', body: photo },
    headers: { ...CLIENT, 'content-type': 'image/png' },
  })
  t.strictSame(put.json(), { digest: createHash('sha256').update(photo).digest('hex') })
  const before = seen.length
  for (const target of ['/people/P00000007', '/persons/P00000007?all=1', '/persons/..%2fadmin'])
    t.ok((await ask(target)).status >= 400, target)
  t.equal(seen.length, before)
})

t.test('a SOAP system', async (t) => {
  const { url, seen } = await startOwners(t, () => ({
    owner: [{ code: 'P00000007', name: 'Mari' }],
    found: '1',
  }))
  const { ask, endpoints } = await serve(t, soapAdapter, 'owners', {
    ...{
      system: { url },
      wsdl: { file: path.join(EXAMPLES, 'owners.wsdl') },
      xRoadProvider: population.client,
    },
    operations: [{ name: 'findOwners', path: '/search' }],
  })
  t.ok(endpoints.includes('POST /search'))
  const post = (body: object) =>
    ask('/search', {
      ...{ method: 'POST', body: Buffer.from(JSON.stringify(body)) },
      headers: { ...CLIENT, 'content-type': 'application/json' },
    })
  const one = await until('the right to be known', async (saw) => {
    const reply = await post({ use: 'forest', code: ['P00000007'] })
    return saw(reply.status) === 200 && reply
  })
  t.strictSame(one.json(), { owner: [{ code: 'P00000007', name: 'Mari', parcel: [] }], found: 1 })
  t.match(
    seen.at(-1)?.text,
    /<i:memberCode>1002<[\s\S]*<i:serviceCode>findOwners<[\s\S]*<x:userId [^>]*>EE1</,
  )
  const wrong = await post({ name: 'x', code: [] })
  t.match([wrong.status, wrong.json()], [400, { type: 'invalid_input' }])
})

t.test('a REST system for systems that speak SOAP', async (t) => {
  const { url, seen } = await startSystem(t, (app) => {
    app.get('/parcels/:number', async (request, reply) => {
      const { number } = request.params as { number: string }
      return number === 'none'
        ? reply.code(404).send({})
        : { number, area: 7, owner: ['Mari'], surveyed: null }
    })
  })
  const wsdl = { file: WSDL_FILE }
  const own = path.join(folder, 'parcels-soap')
  await startAdapter(t, restAsSoapAdapter, {
    settings: {
      ...{ system: { url }, wsdl, provider: population.client, operations: OPERATIONS },
      service: { code: 'plots', title: 'plots' },
    },
    folder: own,
  })
  const file = path.join(own, 'adapter.yaml')
  const register = () =>
    concordat(
      ...['adapter', 'rest-as-soap', 'register', '--configuration', file],
      ...['--client', colons(population.client), '--enable'],
    )
  const said = await register()
  t.match(said, /getParcel, findParcels, changeOwners of DEV:GOV:1001:population were made/)
  t.match(await register(), /have the WSDL of these settings/, 'and again')
  const subject = ['--subjectType', 'SUBSYSTEM', '--subjectId', colons(tax.client)]
  for (const [, id = ''] of said.matchAll(/add-access-right (\d+)/g))
    await concordat('server', 'add-access-right', id, ...subject)
  const [instance, memberClass, memberCode, subsystemCode] = population.client.split('/') as [
    ...[string, string, string, string],
  ]
  const service = {
    instance,
    memberClass,
    memberCode,
    subsystemCode,
    serviceCode: 'getParcel',
    serviceVersion: 'v1',
  }
  const headers = { 'content-type': 'text/xml; charset=utf-8' }
  const soap = (number: string) =>
    messageOf('getParcel', `<number>${number}</number>`, { service, id: `soap-${number}` })
  const get = (number: string) => world.ask('tax', '/', { method: 'POST', body: soap(number), headers })
  const one = await until('the right to be known', async (saw) => {
    const reply = await get('001-0001')
    return saw(String(reply.body).includes('getParcelResponse')) && reply
  })
  t.match(String(one.body), /requestHash.*<n0:number>001-0001<.*<n0:owner>Mari</)
  t.match(seen.at(-1)?.headers, {
    'x-road-client': tax.client,
    'x-road-id': 'soap-001-0001',
    'x-road-userid': 'EE1',
  })
  t.match(String((await get('none')).body), /<n0:getParcelResponse[^>]*><\//)
  const refused = await world.ask('tax', '/', {
    method: 'POST',
    body: soap('x').replace('</number>', '</number><more/>'),
    headers,
  })
  t.match(
    String(refused.body),
    /<faultcode>SOAP-ENV:Client<.*more, which its schema does not have/,
    'as the adapter said it',
  )

  const toServer = {
    ...{ url: tax.httpsUrl, authorityFile: world.trust.rootFile },
    ...{ certificateFile: tax.systemCertificateFile, keyFile: tax.systemKeyFile },
  }
  const asJson = await startAdapter(t, soapAdapter, {
    settings: {
      ...{ system: toServer, wsdl, xRoadProvider: population.client, operations: [{ name: 'getParcel' }] },
      consumer: { clients: [tax.client] },
    },
    folder: path.join(folder, 'parcels-as-json'),
  })
  const inJson = (content: object, more: Record<string, string> = {}) =>
    askWorld(asJson.url, '/getParcel', {
      ...{ method: 'POST', body: Buffer.from(JSON.stringify(content)) },
      headers: { 'content-type': 'application/json', ...more },
    })
  const party = { 'X-Road-Represented-Party': 'COM/70000007' }
  const read = await inJson({ number: '001-0002' }, { ...CLIENT, ...party })
  t.match([read.status, read.json()], [200, { parcel: { number: '001-0002', area: 7, owner: ['Mari'] } }])
  const { 'x-road-id': made } = read.headers
  t.match(seen.at(-1)?.headers, {
    ...{ 'x-road-client': tax.client, 'x-road-id': made, 'x-road-represented-party': 'COM/70000007' },
  })
  const proof = new URLSearchParams({ queryId: String(made), xRoadInstance: 'DEV', memberClass: 'GOV' })
  proof.set('memberCode', '1002')
  t.equal((await world.ask('tax', `/asic?${proof}&subsystemCode=tax&requestOnly&unique&force`)).status, 200)
  const { 'X-Road-Client': _client, ...someone } = CLIENT
  t.equal((await inJson({ number: '7' }, { ...someone, 'X-Road-Id': 'json-7' })).status, 200)
  t.match(seen.at(-1)?.headers, { 'x-road-client': tax.client, 'x-road-id': 'json-7' })
  const unknown = await startAdapter(t, soapAdapter, {
    settings: {
      ...{ system: toServer, wsdl, operations: [{ name: 'getParcel' }] },
      ...{ xRoadProvider: tax.client, consumer: { clients: [tax.client] } },
    },
    folder: path.join(folder, 'parcels-of-nobody'),
  })
  const nobody = await askWorld(unknown.url, '/getParcel', {
    ...{ method: 'POST', body: Buffer.from('{"number":"7"}') },
    headers: { 'content-type': 'application/json' },
  })
  t.match(nobody.headers['x-road-error'], /^server\.serverproxy\.unknown_service$/)
  t.match([nobody.status, nobody.json()], [500, { type: 'server.serverproxy.unknown_service' }])

  const { ask } = await serve(t, httpAdapter, 'plots', {
    ...{ system: { url }, paths: [{ path: '/parcels/{number}', methods: ['GET'] }] },
  })
  await until('the right to be known', async (saw) => saw((await ask('/parcels/1')).status) === 200)
  const before = await startAdapter(t, restAsSoapAdapter, {
    settings: {
      system: toServer,
      ...{ wsdl, provider: population.client, operations: OPERATIONS.slice(0, 1) },
      consumer: { service: `${population.client}/plots`, clients: [tax.client] },
    },
    folder: path.join(folder, 'parcels-consumer'),
  })
  const through = await askWorld(before.url, '/', { method: 'POST', body: soap('7'), headers })
  t.match([through.status, String(through.body)], [200, /<xrd:id>soap-7<.*<n0:number>7<.*<n0:owner>Mari</])
  t.match(seen.at(-1)?.headers, { 'x-road-client': tax.client, 'x-road-id': 'soap-7' })
  const denied = await startAdapter(t, restAsSoapAdapter, {
    settings: {
      system: toServer,
      ...{ wsdl, provider: population.client, operations: OPERATIONS.slice(0, 1) },
      consumer: { service: `${population.client}/nothing`, clients: [tax.client] },
    },
    folder: path.join(folder, 'parcels-denied'),
  })
  const fault = await askWorld(denied.url, '/', { method: 'POST', body: soap('7'), headers })
  t.match([fault.status, String(fault.body)], [200, /<faultcode>server\.serverproxy\.\w+<\/faultcode>/])
  const file2 = path.join(folder, 'parcels-consumer', 'adapter.yaml')
  await t.rejects(
    concordat(
      'adapter',
      'rest-as-soap',
      'register',
      '--configuration',
      file2,
      '--client',
      colons(tax.client),
    ),
    { message: /asks through the security server/ },
  )
})

t.test('the client package calls SOAP services', async (t) => {
  const { cert: certificate, key } = world.systemOf('tax')
  const tls = { certificate, key, trusted: readFileSync(world.trust.rootFile, 'utf8') }
  const server = connect({ url: tax.httpsUrl, client: tax.client, tls })
  t.teardown(() => server.close())
  const provider = population.client
  const errorOf = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => new Error('nothing was thrown'),
      (cause: unknown) => cause,
    )
  const getPerson = server.soap(`${provider}/getPerson/v1`)
  const ask = (code: string, more: SoapOptions = {}) =>
    getPerson.call(
      `<p:getPerson xmlns:p="http://population.example"><code>${code}</code></p:getPerson>`,
      more,
    )
  const found = await ask('P00000007', { userId: 'EE1', issue: 'ä' })
  t.match(found.content, /getPersonResponse[\s\S]*P00000007/)
  t.match(found.requestHash, /^[A-Za-z0-9+/]{86}==$/, 'which is that of what was sent')
  const query = new URLSearchParams({
    queryId: found.id,
    xRoadInstance: 'DEV',
    memberClass: 'GOV',
    memberCode: '1002',
  })
  t.equal((await world.ask('tax', `/asic?${query}&subsystemCode=tax&requestOnly&unique&force`)).status, 200)
  const denied = await errorOf(server.soap(`${provider}/nothing`).call('<nothing/>'))
  t.match(denied, {
    code: 'server.serverproxy.unknown_service',
    where: "provider's security server",
    mayHaveBeenCarriedOut: false,
    detail: /^[0-9a-f-]{36}$/,
  })

  // A system that answers what it got, attachments included.
  const echo = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString('latin1')
    if (body.includes('refuse')) {
      const fault =
        '<s:Fault><faultcode>s:Client.No</faultcode><faultstring>No such thing</faultstring></s:Fault>'
      const xml = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${fault}</s:Body></s:Envelope>`
      return response.writeHead(500, { 'content-type': 'text/xml' }).end(xml)
    }
    const answered = body.replace(/<echo\b/, '<echoResponse').replace(/<\/echo>/, '</echoResponse>')
    response.writeHead(200, { 'content-type': request.headers['content-type'] }).end(answered, 'latin1')
  })
  await once(echo.listen(0, world.address(43)), 'listening')
  t.teardown(() => {
    echo.closeAllConnections()
    echo.close()
  })
  const wsdl = readFileSync(WSDL_FILE, 'utf8')
    .replaceAll('getParcel', 'echo')
    .replaceAll('<xrd:version>v1</xrd:version>', '')
  const url = `http://${world.address(43)}:${(echo.address() as AddressInfo).port}/`
  const descriptions = `/clients/${colons(provider)}/service-descriptions`
  const { id } = await world.admin.population.send<{ id: number }>('POST', descriptions, {
    ...{ type: 'WSDL', url, document: wsdl },
  })
  await world.admin.population.send('PUT', `/service-descriptions/${id}/enable`)
  const { services } = await world.admin.population.get<{ services: { id: number; serviceCode: string }[] }>(
    `/service-descriptions/${id}`,
  )
  const service = services.find(({ serviceCode }) => serviceCode === 'echo')!
  await world.admin.population.send('POST', `/services/${service.id}/access-rights`, {
    ...{ subjectType: 'SUBSYSTEM', subjectId: colons(tax.client) },
  })
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < 100; at++) yield new Uint8Array(65_536).fill(at)
  }
  const echoed = server.soap(`${provider}/echo`)
  const attachments = () => [
    { id: 'one', contentType: 'text/plain', content: 'first' },
    { id: 'big@x', content: chunks() },
  ]
  const answer = await until('the right to be known', async (saw) => {
    const given = await echoed
      .call('<echo>a</echo>', { attachments: attachments() })
      .catch((cause: ExchangeError) => cause)
    return !(saw(given) instanceof ExchangeError) && given
  })
  if (answer instanceof ExchangeError) throw answer
  t.match(answer.content, />a<\/echoResponse>$/)
  const sizes: [string | undefined, string, number][] = []
  for await (const { id: part, contentType, body } of answer.attachments) {
    let size = 0
    for await (const chunk of body) size += chunk.length
    sizes.push([part, contentType, size])
  }
  t.strictSame(sizes, [
    ['one', 'text/plain', 5],
    ['big@x', 'application/octet-stream', 100 * 65_536],
  ])
  t.match(await errorOf(echoed.call('<echo>refuse</echo>')), {
    ...{ code: 'provider_fault', where: "provider's system", mayHaveBeenCarriedOut: true },
    fault: { code: 's:Client.No', text: 'No such thing' },
  })
})
