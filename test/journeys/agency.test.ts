/** A day of an agency's system: every way to call another agency through its own server, byte for byte. */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readContainer } from '#core/container/read-container.ts'
import { dumpServer } from '#security-server/features/backups/store.ts'
import { addService, type Behaviour, startProviderSystem } from '../fakes/provider-system.ts'
import { ask, colons, type Question, type Reply, startWorld } from '../world.ts'

const SERVICES = ['assessments', 'echo', 'persons', 'register-events']
const BACKUP_KEY = 'the key of the backups'
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-agency-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const inFolder = (name: string): string => path.join(folder, name)
writeFileSync(inFolder('backup-key'), BACKUP_KEY, { mode: 0o600 })
const environment = {
  CONCORDAT_BACKUPS_DIRECTORY: inFolder('backups'),
  CONCORDAT_BACKUPS_KEY_FILE: inFolder('backup-key'),
}
const world = await startWorld({ environment })
t.teardown(() => world.stop())
const { tax, population, business } = world.servers
const provider = await startProviderSystem(world.address(40))
t.teardown(() => provider.close())
const echo = await addService(world.admin.population, {
  provider: population.client,
  serviceCode: 'echo',
  url: `${provider.url}/base/`,
  grants: [{ client: tax.client }],
})
const ECHO = `/r1/${population.client}/echo`
const CLIENT = { 'X-Road-Client': tax.client }

const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex')
const mirror: Behaviour = ({ body }, response) => void response.end(body)

/** Calls as the tax agency's system; the provider behaves as in `behaviour` for this call. */
async function askEcho(target: string, q: Question & { behaviour?: Behaviour } = {}): Promise<Reply> {
  provider.answer(q.behaviour)
  return world.ask('tax', ECHO + target, { headers: CLIENT, ...q })
}

/** The newest message of a kind in a server's log: its bytes, and the SHA-512 of its body. */
async function newest(
  name: 'tax' | 'population',
  kind: 'request' | 'reply',
): Promise<{ message: string; body: string | undefined; metadata: Record<string, unknown> }> {
  const admin = world.admin[name]
  const [row] = await admin.get<{ index: number }[]>(`/message-log/records?limit=1&kind=${kind}`)
  const container = await readContainer(
    await admin.bytes(`/message-log/records/${row!.index}/container?case=1&reason=test`),
  )
  const { metadata } = await admin.get<{ metadata: { extra: Record<string, unknown> } }>(
    `/message-log/records/${row!.index}`,
  )
  const attachment = container.attachments[0]
  return {
    message: container.message.toString('utf8'),
    body: attachment === undefined ? undefined : attachment.digest('SHA-512').toString('hex'),
    metadata: metadata.extra,
  }
}

t.test('bodies of every size go both ways unchanged', async (t) => {
  for (const size of [1, 1024, 64 * 1024, 64 * 1024 + 1, 100 * 1024, 20 * 1024 * 1024]) {
    const body = randomBytes(size)
    const method = size % 2 === 0 ? 'POST' : 'PUT'
    const reply = await askEcho('/mirror', { method, body, behaviour: mirror })
    t.equal(reply.status, 200)
    const got = provider.calls.at(-1)!
    t.equal(sha512(got.body), sha512(body), `${size} bytes reach the provider`)
    t.match(got.rawHeaders.concat('').join(), `content-length,${size},`, 'and their number, streamed too')
    t.equal(sha512(reply.body), sha512(body), `${size} bytes come back`)
    provider.calls.length = 0
  }
  const streams = [1, 2, 3, 4].map(() => randomBytes(300_000))
  const replies = await Promise.all(
    streams.map((body) => askEcho('/mirror', { method: 'PATCH', body, behaviour: mirror })),
  )
  t.ok(
    replies.every(({ body }, i) => body.equals(streams[i]!)),
    'bodies that travel at once are not mixed up',
  )
})

t.test('no body, an empty body and none allowed are told apart', async (t) => {
  const empty = await askEcho('', { method: 'POST', behaviour: (_call, response) => void response.end() })
  t.strictSame([empty.status, empty.body.length], [200, 0])
  t.equal((await newest('tax', 'request')).body, undefined, 'no byte was sent: no body part')
  t.equal((await newest('population', 'reply')).body, sha512(Buffer.alloc(0)), 'an empty entity is a part')

  const none = await askEcho('', { behaviour: (_call, response) => void response.writeHead(204).end() })
  t.strictSame([none.status, none.body.length], [204, 0])
  t.equal((await newest('population', 'reply')).body, undefined)

  const head = await askEcho('/x', { method: 'HEAD' })
  t.strictSame([head.status, head.body.length], [200, 0])
  t.equal(head.headers['content-type'], 'application/json')
  t.equal((await newest('population', 'reply')).body, undefined)

  const deleted = await askEcho('/thing', { method: 'DELETE', body: 'because' })
  t.equal(deleted.status, 200)
  t.match(provider.calls.at(-1), { method: 'DELETE', target: '/base/thing', body: Buffer.alloc(0) })
  t.equal(
    (await newest('population', 'request')).body,
    sha512(Buffer.from('because')),
    'signed, though not forwarded',
  )
  for (const method of ['OPTIONS', 'TRACE', 'GET']) {
    t.equal((await askEcho('/thing', { method })).status, 200, method)
    t.equal(provider.calls.at(-1)!.method, method)
  }
})

t.test('what the provider answers is passed on unchanged', async (t) => {
  const answers: [number, string, Record<string, string | string[]>, string][] = [
    [201, 'Created', { Location: '/somewhere/else' }, '{}'],
    [301, 'Moved Permanently', { Location: 'http://127.0.0.1:1/never-followed' }, 'moved'],
    [304, 'Not Modified', { ETag: '"1"' }, ''],
    [400, 'Bad Request', { 'Content-Type': 'application/problem+json' }, '{"title":"wrong"}'],
    [404, 'Not Found', { 'X-Mixed-CASE': 'kept' }, 'none'],
    [418, "I'm a teapot", { 'Set-Cookie': ['a=1', 'b=2'] }, 'short and stout'],
    [500, 'Internal Server Error', { 'X-Error': 'from.the.provider' }, 'broken'],
    [503, 'Service Unavailable', { 'Retry-After': '7' }, 'later'],
  ]
  for (const [status, reason, headers, body] of answers) {
    const reply = await askEcho('/status', {
      behaviour: (_call, response) => void response.writeHead(status, reason, headers).end(body),
    })
    t.strictSame([reply.status, reply.reason, reply.body.toString()], [status, reason, body])
    for (const [name, value] of Object.entries(headers)) {
      t.ok(reply.rawHeaders.includes(name), `${name} keeps its spelling`)
      t.equal(reply.headers[name.toLowerCase()], [value].flat().join(', '))
    }
  }
  const compressed = await askEcho('', {
    behaviour: (_call, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip', Date: 'Tue, 01 Jan 2030 00:00:00 GMT' })
      response.end(Buffer.from('not gzip at all'))
    },
  })
  t.equal(compressed.body.toString(), 'not gzip at all', 'a coded body is not touched')
  t.equal(compressed.headers['date'], 'Tue, 01 Jan 2030 00:00:00 GMT', "the provider's date replaces ours")
})

t.test('the headers of a message are those of pr-rest, to the byte', async (t) => {
  const sent = [
    ...['Host', tax.address, 'x-ROAD-client', tax.client, 'X-Road-Request-Id', 'mine', 'Accept', '*/*'],
    ...['X-Road-Request-Hash', 'mine', 'User-Agent', 'agent', 'Foo', 'one', 'X-Road-UserId', 'EE1234'],
    ...['foo', 'two', 'X-Road-Issue', 'case 7', 'TE', 'trailers', 'Keep-Alive', 'timeout=5', 'Empty', ''],
  ]
  const reply = await askEcho('/a%20b/c%2Bd;e=1?q=%2e%2e/&r=//', { headers: sent })
  t.equal(reply.status, 200)
  const { message, metadata } = await newest('tax', 'request')
  const requestId = /x-road-request-id:(.*)\r\n/.exec(message)?.[1]
  const id = /x-road-id:(.*)\r\n/.exec(message)?.[1]
  t.match(requestId, /^[0-9a-f-]{36}$/)
  t.match(id, /^DEV-[0-9a-f-]{36}$/)
  const lines = ['GET', `${ECHO}/a%20b/c%2Bd;e=1?q=%2e%2e/&r=//`, `x-ROAD-client:${tax.client}`]
  lines.push('Accept:*/*', 'Foo:one', 'X-Road-UserId:EE1234', 'foo:two', 'X-Road-Issue:case 7', 'Empty:')
  t.equal(message, [...lines, `x-road-request-id:${requestId}`, `x-road-id:${id}`, ''].join('\r\n'))
  t.match(metadata, { method: 'GET', userId: 'EE1234', issue: 'case 7' })
  t.equal((await newest('population', 'request')).message, message, 'both sides hold the same bytes')

  const call = provider.calls.at(-1)!
  t.equal(call.target, '/base/a%20b/c%2Bd;e=1?q=%2e%2e/&r=//', 'one slash between base and path, all raw')
  const pairs = call.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}:${all[i + 1]}`] : []))
  const outside = pairs.filter((pair) => !/^(host|connection):/.test(pair))
  t.strictSame(outside, message.split('\r\n').slice(2, -1), 'the provider gets what was signed')

  const answered = await newest('tax', 'reply')
  const digest = createHash('sha512').update(message).digest('base64')
  const bound = [`x-road-id:${id}`, `x-road-client:${tax.client}`, `x-road-service:${population.client}/echo`]
  bound.push(`x-road-request-id:${requestId}`, `x-road-request-hash:${digest}`, '')
  t.ok(answered.message.endsWith(bound.join('\r\n')), 'five headers bind the reply, in their order, last')
  t.match(answered.message, /^200\r\nOK\r\nContent-Type:application\/json\r\n/)

  const own = await askEcho('', { headers: { ...CLIENT, 'X-Road-Id': 'my own id' } })
  t.equal(own.headers['x-road-id'], 'my own id')
  const given = await newest('tax', 'request')
  t.ok(given.message.includes('X-Road-Id:my own id\r\n') && !given.message.includes('\r\nx-road-id:'))
  const forged: Behaviour = (_call, response) => {
    response.writeHead(200, { 'X-Road-Id': 'forged', 'X-Road-Client': 'forged', 'X-Road-Request-Hash': 'x' })
    response.end('{}')
  }
  const bare = await askEcho('', { behaviour: forged })
  t.equal(bare.headers['x-road-client'], tax.client, "a provider's own x-road headers are dropped")
  const body = await askEcho('', { method: 'POST', body: 'abc', behaviour: mirror })
  const request = await newest('tax', 'request')
  const both = [Buffer.from(request.message), Buffer.from('abc')].map((part) =>
    createHash('sha512').update(part).digest(),
  )
  t.equal(
    body.headers['x-road-request-hash'],
    createHash('sha512').update(Buffer.concat(both)).digest('base64'),
  )
})

t.test('the caller may name the server and the party it acts for', async (t) => {
  const named = (headers: Record<string, string>): Promise<Reply> =>
    askEcho('', { headers: { ...CLIENT, ...headers } })
  t.equal((await named({ 'X-Road-Security-Server': population.id })).status, 200)
  const refused: [Record<string, string>, string][] = [
    [{ 'X-Road-Security-Server': business.id }, 'client.invalid_security_server'],
    [{ 'X-Road-Security-Server': 'DEV/GOV/1001' }, 'client.invalid_client_identifier'],
    [{ 'X-Road-Represented-Party': 'COM/1/2' }, 'client.invalid_client_identifier'],
  ]
  for (const [headers, type] of refused) {
    const reply = await named(headers)
    t.strictSame([reply.status, reply.headers['x-road-error']], [400, type])
  }
  for (const [party, kept] of [
    ['COM/4444', 'COM/4444'],
    ['4444', '/4444'],
  ] as const) {
    t.equal((await named({ 'X-Road-Represented-Party': party })).status, 200)
    t.equal((await newest('tax', 'request')).metadata['representedParty'], kept)
  }
})

t.test('a system proves itself in the way that its subsystem asks', async (t) => {
  const other = world.systemOf('business')
  const ways: [string, Question & { plain?: boolean; bare?: boolean }][] = [
    ['plain', { plain: true }],
    ['TLS', { bare: true }],
    ['certificate of another', { certificate: other }],
    ['own certificate', {}],
  ]
  const expected: Record<string, number[]> = {
    SSLAUTH: [400, 400, 400, 200],
    SSLNOAUTH: [400, 200, 200, 200],
    NOSSL: [200, 200, 200, 200],
  }
  for (const [connectionType, statuses] of Object.entries(expected)) {
    await world.admin.tax.send('PATCH', `/clients/${colons(tax.client)}`, { connectionType })
    for (const [i, [name, { bare, ...q }]] of ways.entries()) {
      provider.answer(undefined)
      const reply = bare
        ? await ask(tax.httpsUrl, ECHO, { headers: CLIENT })
        : await world.ask('tax', ECHO, { ...q, headers: CLIENT })
      t.equal(reply.status, statuses[i], `${connectionType}: ${name}`)
      if (reply.status !== 200)
        t.match(reply.json(), { type: 'client.ssl_authentication_failed', detail: String })
    }
  }
  await world.admin.tax.send('PATCH', `/clients/${colons(tax.client)}`, { connectionType: 'SSLAUTH' })
})

t.test('what there is can be asked for', async (t) => {
  const json = await world.ask('tax', '/listClients', { headers: { Accept: 'application/json' } })
  const { member } = json.json() as { member: { id: Record<string, string>; subsystem_name?: string }[] }
  t.equal(member.length, 6)
  t.match(
    member.find(({ id }) => id['subsystem_code'] === 'tax'),
    { id: { xroad_instance: 'DEV', member_class: 'GOV', member_code: '1002', object_type: 'SUBSYSTEM' } },
  )
  const xml = await world.ask('tax', '/listClients?xRoadInstance=DEV')
  t.equal(xml.headers['content-type'], 'text/xml;charset=utf-8')
  t.equal(xml.body.toString().match(/<xroad:member>/g)?.length, 6)
  const unknown = await world.ask('tax', '/listClients?xRoadInstance=ABROAD')
  t.strictSame([unknown.status, unknown.headers['x-road-error']], [400, 'client.invalid_request'])

  const list = async (name: 'tax' | 'business', what: string): Promise<Reply> =>
    world.ask(name, `/r1/${population.client}/${what}`)
  const codes = (reply: Reply): string[] =>
    (reply.json() as { service: { service_code: string }[] }).service.map((one) => one.service_code).sort()
  t.strictSame(codes(await list('business', 'listMethods')), SERVICES)
  t.strictSame(codes(await list('tax', 'allowedMethods')), SERVICES)
  t.strictSame(codes(await list('business', 'allowedMethods')), [])
  const methods = (await list('tax', 'listMethods')).json() as { service: object[] }
  t.match(
    methods.service.find((one) => (one as { service_code: string }).service_code === 'persons'),
    { object_type: 'SERVICE', service_type: 'OPENAPI', endpoint_list: [{ method: 'GET' }] },
  )
  const description = await list('business', 'getOpenAPI?serviceCode=persons')
  t.equal(description.headers['content-type'], 'application/json;charset=utf-8')
  t.match(description.json(), { openapi: '3.1.0', paths: { '/persons': {} } })
  t.match((await list('tax', 'getOpenAPI?serviceCode=echo')).json(), { type: /\.service_type$/ })
  t.match((await list('tax', 'getOpenAPI?serviceCode=none')).json(), { type: /\.unknown_service$/ })
  t.match((await list('tax', 'getOpenAPI')).json(), { type: /\.invalid_request$/ })
  const disabled = { notice: 'back on Monday' }
  await world.admin.population.send('PUT', `/service-descriptions/${echo.descriptionId}/disable`, disabled)
  const off = await askEcho('')
  t.match(off.json(), { type: 'server.serverproxy.service_disabled', message: /back on Monday/ })
  await world.admin.population.send('PUT', `/service-descriptions/${echo.descriptionId}/enable`)
})

t.test('a provider on two servers is reached on the one that works', async (t) => {
  const { admin, registryAdmin } = world
  const certified = async (csr: string): Promise<Buffer> => {
    const reply = await ask(world.trust.caUrl, '/certificates?profile=signing', {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: csr,
    })
    return reply.body
  }
  const [token] = await admin.business.get<{ id: string }[]>('/tokens')
  const key = await admin.business.send<{ csr: { pem: string } }>(
    'POST',
    `/tokens/${token!.id}/keys-with-csrs`,
    { key: { usage: 'SIGNING', label: 'second' }, csr: { memberId: colons(population.member) } },
  )
  await admin.business.send('POST', '/token-certificates', await certified(key.csr.pem))
  await admin.business.send('POST', '/clients', { id: colons(population.client) })
  const second = await startProviderSystem(world.address(41))
  t.teardown(() => second.close())
  await addService(admin.business, {
    provider: population.client,
    serviceCode: 'echo',
    url: second.url,
    grants: [{ client: tax.client }],
  })
  await registryAdmin.send('POST', `/security-servers/${colons(business.id)}/clients`, {
    client: colons(population.client),
  })
  await world.publish()
  await admin.business.send('PUT', '/token-certificates/refresh-ocsp')
  const to = (server: string): Promise<Reply> =>
    askEcho('/x', { headers: { ...CLIENT, 'X-Road-Security-Server': server } })
  t.equal((await to(business.id)).status, 200)
  t.equal(second.calls.length, 1, 'the named server answers')
  t.equal((await to(population.id)).status, 200)
  t.equal(second.calls.length, 1)

  const move = (address: string): Promise<unknown> =>
    registryAdmin.send('PATCH', `/security-servers/${colons(population.id)}`, { address })
  await move(world.address(99))
  await world.publish()
  t.equal((await askEcho('/x')).status, 200)
  t.equal(second.calls.length, 2, 'nobody listens at the first: the second is asked')
  t.match((await to(population.id)).json(), { type: 'server.clientproxy.network_error' })
  await move(population.address)
  await registryAdmin.send(
    'DELETE',
    `/security-servers/${colons(business.id)}/clients/${colons(population.client)}`,
  )
  await world.publish()
  t.equal((await askEcho('/x')).status, 200)
  t.equal(second.calls.length, 2, 'a server that serves no more is not asked')
})

t.test(
  'a backup is made beside the running server, judged offline, and restored where nothing is',
  async (t) => {
    const at = (name: string): string => path.join(path.dirname(tax.settingsFile), name)
    writeFileSync(at('backup-key'), BACKUP_KEY, { mode: 0o600 })
    const concordat = (...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
      promisify(execFile)(path.resolve(import.meta.dirname, '../../scripts/concordat'), words).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        (failed: { code: number; stdout: string; stderr: string }) => failed,
      )
    const key = ['--backup-key-file', at('backup-key')]
    const server = (settings: string, ...words: string[]) =>
      concordat('security-server', '--configuration', settings, ...words)
    const made = await server(tax.settingsFile, '--make-backup', at('tax.backup'), ...key)
    t.match(made, { code: 0, stdout: /does not hold the message log/ }, made.stderr)
    const judged = await concordat('server', 'verify-backup', at('tax.backup'), ...key)
    t.match(
      judged,
      { code: 0, stdout: /security-server of .*itself holds.*holds keys\/token\.json/s },
      judged.stderr,
    )
    t.match((await concordat('registry', 'verify-backup', at('tax.backup'), ...key)).code, 1)
    t.match((await server(tax.settingsFile, '--make-backup', at('x.backup'))).code, 2)
    t.match(await world.admin.tax.get('/backup-state'), { isConfigured: true, hour: 3, keep: 30 })
    type Made = { id: number; name: string; state: string }
    const own = await world.admin.tax.send<Made>('POST', '/backups')
    t.match(own, { state: 'made', name: /^security-server-.*concordat-backup$/ }, 'by the server itself')
    writeFileSync(at('own.backup'), await world.admin.tax.bytes(`/backups/${own.id}/file`))
    const conf = ['--conf', path.join(tax.directory, 'configuration/current/globalconf')]
    const proved = await concordat('server', 'verify-backup', at('own.backup'), ...key, ...conf)
    t.match(proved, { code: 0, stdout: /^proved .*by a certification service of the/m }, proved.stderr)
    t.equal((await askEcho('/still', { behaviour: mirror })).status, 200, 'it goes on meanwhile')

    const restored = await server(tax.settingsFile, '--restore-backup', at('tax.backup'), ...key)
    t.match(restored, { code: 1, stderr: /stop the server, then restore/ })
    const elsewhere = readFileSync(tax.settingsFile, 'utf8')
      .replace(/^directory: .*$/m, `directory: ${at('elsewhere')}`)
      .replace(/^database: .*$/m, `database: sqlite:${at('elsewhere.db')}`)
      .replace(/initialApiKeyFile: [^ }]+/, `initialApiKeyFile: ${at('elsewhere-key')}`)
    writeFileSync(at('elsewhere.yaml'), elsewhere)
    const there = await server(at('elsewhere.yaml'), '--restore-backup', at('tax.backup'), ...key)
    t.match(there, { code: 0, stdout: /were revoked.*key \w{40} .*PIN.*backup.*writes a/s }, there.stderr)
    t.equal(readFileSync(at('elsewhere-key'), 'utf8'), '')
    const of = (directory: string, name: string): Buffer => readFileSync(path.join(directory, name))
    for (const name of ['keys/token.json', 'configuration/anchor.xml'])
      t.ok(of(at('elsewhere'), name).equals(of(tax.directory, name)), name)
    const rows = Number(/^rows +(\d+)$/m.exec(judged.stdout)?.[1])
    const put = await dumpServer(`sqlite:${at('elsewhere.db')}`, async () => undefined)
    t.match(put, { rows: rows + 1 }, 'all of it, and the record of the restore')
    writeFileSync(at('other.yaml'), elsewhere.replace(/^server: .*$/m, `server: ${population.id}`))
    const other = await server(at('other.yaml'), '--restore-backup', at('tax.backup'), ...key)
    t.match(other, { code: 1, stderr: /it is the backup of/ })
  },
)
