/**
 * Information systems with wrong requests, by mistake or on purpose. Each gets a clear fault of the catalogue
 * whose id is in the server's log, no provider's system is called, and the server lives on.
 */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { catalogue } from '#schemas/fault-catalogue.ts'
import { credential, foreignCredential } from '../fakes/credentials.ts'
import { hostilePaths, smuggling } from '../fakes/hostile-requests.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { askRaw, exchangeBytes } from '../fakes/raw-http.ts'
import { SELDOM_ASKED, shareWorld } from '../running-world.ts'
import { takeTime } from '../take-time.ts'
import { until } from '../until.ts'
import { ask, colons, type Reply } from '../world.ts'

const world = await shareWorld(SELDOM_ASKED)
const { tax, population } = world.servers
/** What stood in the server's log before. */
const logged = readFileSync(tax.logFile).length
const provider = await startProviderSystem(world.address(40))
t.teardown(() => provider.close())
await Promise.all([
  addService(world.admin.population, {
    provider: population.client,
    serviceCode: 'files',
    url: `${provider.url}/files`,
    grants: [
      { client: tax.client, method: 'GET', path: '/public/*' },
      { client: tax.client, method: 'POST', path: '/inbox' },
    ],
  }),
  addService(world.admin.population, {
    provider: population.client,
    serviceCode: 'names',
    url: `${provider.url}/names`,
    grants: [{ client: tax.client, method: 'GET', path: '/public/*' }],
    allowEncodedSlash: true,
  }),
])
const FILES = `/r1/${population.client}/files`
const NAMES = `/r1/${population.client}/names`
const connect = (connectionType: string): Promise<unknown> =>
  world.admin.tax.send('PATCH', `/clients/${colons(tax.client)}`, { connectionType })
const { connectionType } = await world.admin.tax.get<{ connectionType: string }>(
  `/clients/${colons(tax.client)}`,
)
await connect('NOSSL')
t.teardown(() => connect(connectionType))

/**
 * Over plain HTTP on kept connections, which end before the server ends them: these tests are about the layer
 * above TLS.
 */
const agent = new http.Agent({ keepAlive: true, maxSockets: 4, timeout: 10_000 })
t.teardown(() => agent.destroy())
const send = (
  target: string,
  headers: Record<string, string | string[]> = { 'X-Road-Client': tax.client },
  method = 'GET',
): Promise<Reply> => ask(tax.httpUrl, target, { method, headers, agent })

/** Ids of faults that clients got; all must be in the log at the end. */
const details: string[] = []
const FAULT = /^(client|server\.clientproxy|server\.serverproxy)\.([a-z_.]+)$/

/** The code of a fault, after checking its form: status, header, JSON. */
function codeOf(t: Test, reply: Reply, what: string): string {
  const { type, message, detail } = reply.json() as { type: string; message: string; detail: string }
  const [, origin, code = ''] = FAULT.exec(type) ?? []
  const entry = (catalogue as Record<string, { status: number; text: string }>)[code]
  const status = origin === 'client' ? entry?.status : Math.max(500, entry?.status ?? 0)
  const right =
    entry !== undefined &&
    (origin === 'server.serverproxy' ? reply.status >= 500 : reply.status === status) &&
    reply.headers['x-road-error'] === type &&
    message.startsWith(entry.text) &&
    /^[0-9a-f-]{36}$/.test(detail)
  if (!right)
    t.fail(`${what}: the fault has its whole form`, { found: { status: reply.status, type, message } })
  details.push(detail)
  return code
}

async function refused(t: Test, asked: Promise<Reply>, code: string | RegExp, what: string): Promise<void> {
  const reply = await asked
  if (reply.status === 200) return void t.fail(`${what} was answered`)
  t.match(codeOf(t, reply, what), code, what)
}

t.test('a path has one meaning or is refused; the provider sees only what was granted', async (t) => {
  const paths = hostilePaths()
  const granted = /^\/(files|names)\/public\/[^/]*$/
  const dangerous = /%2e|%00|\\|%5c|\/\/|(^|\/)\.+(;|\/|$|%)/i
  provider.calls.length = 0
  let passed = 0
  let count = 0
  for (const base of [FILES, NAMES]) {
    for (const path of paths) {
      count++
      const before = provider.calls.length
      const reply = await askRaw(
        tax.address,
        8080,
        `GET ${base}${path} HTTP/1.1\r\nHost: x\r\nX-Road-Client: ${tax.client}\r\n`,
      )
      const called = provider.calls.slice(before)
      if (reply.status === 200) {
        passed++
        t.equal(called.length, 1)
        const { target } = called[0]!
        if (!granted.test(target) || dangerous.test(target)) t.fail(`${base}${path} reached ${target}`)
      } else {
        if (called.length > 0) t.fail(`${base}${path} was refused and carried out`)
        const code = codeOf(t, reply, path)
        if (!/^(invalid_path|access_denied|invalid_request|invalid_client_identifier)$/.test(code))
          t.fail(`${path}: ${code}`)
      }
    }
  }
  t.ok(count > 500, `${count} paths`)
  t.equal(provider.calls.length, passed, `${passed} granted ones, each called once`)
  for (const good of [
    '/public/a',
    '/public/%41',
    '/public/a%20b',
    // An escaped percent sign stays one escape, as with X-Road's client: nothing is decoded or escaped once
    // more.
    '/public/100%25',
    '/public/a%2520b?c=%20d&e=%25+f',
    '/public/caf%C3%A9',
    '/public/a;v=1',
    '/public/a..b',
  ]) {
    t.equal((await send(FILES + good)).status, 200, good)
    t.equal(provider.calls.at(-1)!.target, `/files${good}`, 'forwarded as it was written')
  }
  await refused(
    t,
    send(`${FILES}/public/a%2Fb`),
    'invalid_path',
    'an encoded slash where the service allows none',
  )
  t.equal((await send(`${NAMES}/public/a%2Fb`)).status, 200, 'opaque where it allows one')
  await refused(t, send(`${FILES}/public/a`, undefined, 'POST'), 'access_denied', 'another method')
  await refused(t, send(`${FILES}/inbox`), 'access_denied', 'another method')
})

t.test('identifiers and headers are whole or refused', async (t) => {
  const at = (path: string): Promise<Reply> => send(path)
  const targets: [string, string | RegExp][] = [
    ['/r1/DEV/GOV/1001/population', 'invalid_request'],
    ['/r1/', 'invalid_request'],
    ['/r1//GOV/1001/population/files/public/a', /invalid_(client_identifier|path)/],
    ['/r1/DEV/GOV/1001/population//public/a', /invalid_(client_identifier|path)/],
    ['/r1/DEV/GOV/1001/population/fi%2Fles/public/a', 'invalid_client_identifier'],
    ['/r1/DEV/GOV/1001/population/fi%00les/public/a', 'invalid_client_identifier'],
    ['/r1/DEV/GOV/1001/%2e%2e/files/public/a', 'invalid_client_identifier'],
    ['/r1/DEV/GOV/1001/population/fi%25les/public/a', 'invalid_client_identifier'],
    ['/r1/DEV/GOV/1001/population/%ff/public/a', 'invalid_client_identifier'],
    [`/r1/DEV/GOV/1001/population/${'x'.repeat(256)}/a`, 'invalid_client_identifier'],
    [`/r1/DEV/GOV/1001/population/${'x'.repeat(9000)}`, 'headers_too_large'],
    ['/r1/dev/GOV/1001/population/files/public/a', 'unknown_member'],
    ['/r1/DEV/GOV/9999/population/files/public/a', 'unknown_member'],
    ['/r1/DEV/GOV/1001/nothing/files/public/a', 'unknown_member'],
    ['/r1/DEV/GOV/1001/population/Files/public/a', 'unknown_service'],
    ['/r1/DEV/GOV/1003/business/files/public/a', 'unknown_service'],
    [`${FILES}/public/a?x=<script>`, 'invalid_request'],
    [`${FILES}/public/a?x=%zz`, 'invalid_request'],
    ['/R1/DEV/GOV/1001/population/files/public/a', 'not_found'],
    ['/r1', /not_found|invalid_request/],
    ['/r2/DEV', 'not_found'],
  ]
  for (const [target, code] of targets) await refused(t, at(target), code, target.slice(0, 80))

  const mine = tax.client
  const headers: [Record<string, string | string[]>, string, string?][] = [
    [{}, 'missing_header'],
    [{ 'X-Road-Client': '' }, 'invalid_client_identifier'],
    [{ 'X-Road-Client': 'DEV/GOV' }, 'invalid_client_identifier'],
    [{ 'X-Road-Client': `${mine}/more` }, 'invalid_client_identifier'],
    [{ 'X-Road-Client': 'DEV//1002/tax' }, 'invalid_client_identifier'],
    [{ 'X-Road-Client': 'DEV/GOV/1002/t%00x' }, 'invalid_client_identifier'],
    [{ 'X-Road-Client': [mine, mine] }, 'duplicate_header_field'],
    [{ 'X-Road-Client': [mine, 'DEV/GOV/1003/business'] }, 'duplicate_header_field'],
    [{ 'X-Road-Client': `${mine}, ${mine}` }, 'invalid_client_identifier'],
    [{ 'X-Road-Client': mine, 'X-Road-Id': ['a', 'b'] }, 'duplicate_header_field'],
    [{ 'X-Road-Client': mine, 'X-Road-UserId': ['a', 'b'] }, 'duplicate_header_field'],
    [
      { 'X-Road-Client': mine, 'X-Road-Security-Server': [population.id, population.id] },
      'duplicate_header_field',
    ],
    [{ 'X-Road-Client': mine, 'X-Road-Id': 'x'.repeat(256) }, 'invalid_header'],
    [{ 'X-Road-Client': mine, 'X-Road-Id': '' }, 'invalid_header'],
    [{ 'X-Road-Client': mine, 'X-Other': 'caf\u00e9' }, 'invalid_header'],
    [{ 'X-Road-Client': mine, 'X-Big': 'x'.repeat(40_000) }, 'headers_too_large'],
    [{ 'X-Road-Client': 'DEV/GOV/1003/business' }, 'unknown_member', "another agency's subsystem"],
    [{ 'X-Road-Client': 'DEV/GOV/1002' }, 'unknown_member', 'the member itself, which is no client here'],
    [{ 'X-Road-Client': 'DEV/GOV/1002/TAX' }, 'unknown_member', 'identifiers are case-sensitive'],
    [{ 'X-Road-Client': 'ABROAD/GOV/1002/tax' }, 'unknown_member'],
  ]
  provider.calls.length = 0
  for (const [set, code, what] of headers) {
    await refused(t, send(`${FILES}/public/a`, set), code, what ?? JSON.stringify(set).slice(0, 80))
  }
  for (const method of ['PROPFIND', 'PURGE', 'QUERY']) {
    const reply = await send(`${FILES}/public/a`, undefined, method)
    t.ok(reply.status >= 400 && reply.status < 500, method)
    codeOf(t, reply, method)
  }
  const xml = await send(`${FILES}/public/../a`, { 'X-Road-Client': mine, Accept: 'text/xml' })
  t.match(xml.body.toString(), /^<error><type>client\.invalid_path<\/type><message>.*<detail>[0-9a-f-]{36}</)
  t.equal(provider.calls.length, 0)
})

t.test('a certificate serves only the subsystem that it belongs to, while it is valid', async (t) => {
  const own = world.systemOf('tax')
  const admin = world.admin.tax
  const clients = [tax.client, 'DEV/GOV/1002/vat', 'DEV/GOV/1002/customs']
  const profile = 'client-system'
  const systems = [own, await credential(world, { profile }), await credential(world, { profile })]
  for (const [i, client] of clients.entries()) {
    if (i > 0) {
      await world.registryAdmin.send('POST', '/members/DEV:GOV:1002/subsystems', {
        subsystemCode: client.split('/')[3],
        name: 'x',
      })
      await world.registryAdmin.send('POST', `/security-servers/${colons(tax.id)}/clients`, {
        client: colons(client),
      })
      await admin.send('POST', '/clients', { id: colons(client) })
      await admin.send(
        'POST',
        `/clients/${colons(client)}/tls-certificates`,
        Buffer.from(leafOf(systems[i]!.cert)),
      )
    }
    await admin.send('PATCH', `/clients/${colons(client)}`, { connectionType: 'SSLAUTH' })
  }
  await world.publish()
  const strangers = [
    world.systemOf('business'),
    await credential(world, { profile: 'authentication' }),
    await foreignCredential({ profile }),
  ]
  provider.calls.length = 0
  for (const [i, client] of clients.entries()) {
    for (const [k, certificate] of [...systems, ...strangers].entries()) {
      const reply = await world.ask('tax', `${FILES}/public/a`, {
        headers: { 'X-Road-Client': client },
        certificate,
      })
      const code = reply.status === 200 ? 'ok' : codeOf(t, reply, `${client} by ${k}`)
      const right = i === 0 ? 'ok' : 'access_denied'
      t.equal(code, i === k ? right : 'ssl_authentication_failed', `${client} by certificate ${k}`)
    }
  }
  t.equal(provider.calls.length, 1)
  const brief = await credential(world, { profile, clockOffsetMs: 10_000 - 730 * 86_400_000 })
  await admin.send('POST', `/clients/${colons(tax.client)}/tls-certificates`, Buffer.from(leafOf(brief.cert)))
  await takeTime('the certificate ends', brief.certificate.notAfter.getTime() + 1_100 - Date.now())
  const headers = { 'X-Road-Client': tax.client }
  const late = await world.ask('tax', `${FILES}/public/a`, { headers, certificate: brief })
  t.equal(codeOf(t, late, 'expired'), 'ssl_authentication_failed', 'a certificate that ran out since')
  await connect('NOSSL')
})

t.test('what is no honest HTTP is refused, and one request is one request', async (t) => {
  const { head, post, forms } = smuggling(tax.client, FILES)
  for (const [what, bytes] of Object.entries(forms)) {
    provider.calls.length = 0
    const answers = await exchangeBytes(tax.address, 8080, bytes)
    const smuggled = provider.calls.filter(({ target }) => target.includes('smuggled')).length
    t.equal(smuggled, 0, what)
    t.ok(provider.calls.length <= 1 && answers.split('HTTP/1.1 ').length <= 2, `${what}: at most one request`)
    t.notMatch(answers, /HTTP\/1\.1 200/, what)
  }
  const absolute = await exchangeBytes(
    tax.address,
    8080,
    `GET http://evil.example${FILES}/public/a HTTP/1.1\r\n${head}Connection: close\r\n\r\n`,
  )
  t.match(absolute, /HTTP\/1\.1 404.*client\.not_found/s, 'a target with an authority is nobody here')
  provider.calls.length = 0
  const two = `GET ${FILES}/public/one HTTP/1.1\r\n${head}\r\nGET ${FILES}/public/two HTTP/1.1\r\n${head}Connection: close\r\n\r\n`
  await exchangeBytes(tax.address, 8080, two)
  // Both are under way at once (RFC 9112 9.3.2).
  t.strictSame(
    provider.calls.map(({ target }) => target).sort(),
    ['/files/public/one', '/files/public/two'],
    'pipelined',
  )
  const framing = `${post}Content-Length: 5\r\nConnection: close, X-Road-UserId\r\nX-Road-UserId: u\r\nTE: trailers\r\nUpgrade: h2c\r\n\r\nhello`
  provider.calls.length = 0
  await exchangeBytes(tax.address, 8080, framing)
  const names = provider.calls[0]!.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  t.notOk(names.some((name) => ['te', 'upgrade', 'keep-alive', 'trailer', 'expect'].includes(name)))
})

t.test('oversized, slow and cut requests take nothing with them', async (t) => {
  provider.calls.length = 0
  const head = `POST ${FILES}/inbox HTTP/1.1\r\nHost: x\r\nX-Road-Client: ${tax.client}\r\n`
  for (const cut of ['', 'a'.repeat(70_000), 'a'.repeat(500_000)]) {
    const socket = net.connect(8080, tax.address)
    socket.on('error', () => undefined)
    socket.write(`${head}Content-Length: 1000000\r\n\r\n${cut}`)
    await wait(50)
    socket.destroy()
  }
  const slow = Array.from({ length: 200 }, () => net.connect(8080, tax.address))
  for (const [i, socket] of slow.entries()) {
    socket.on('error', () => undefined)
    socket.write(
      i % 2 === 0 ? 'GET /r1/DEV HTTP/1.1\r\nHost: x\r\nX-Slow: ' : `${head}Content-Length: 1000\r\n\r\n`,
    )
  }
  t.equal((await send(`${FILES}/public/a`)).status, 200, 'others are served meanwhile')
  t.equal(provider.calls.length, 1)
  const answers = await Promise.all(
    slow
      .filter((_, i) => i % 2 === 0)
      .map(
        (socket) =>
          new Promise<string>((resolve) => {
            let text = ''
            socket.on('data', (chunk: Buffer) => {
              text += chunk.toString()
            })
            socket.once('close', () => resolve(text))
          }),
      ),
  )
  t.ok(
    answers.every((text) => /^HTTP\/1\.1 408 .*client\.request_timeout/s.test(text)),
    'half a head is ended',
  )
  for (const socket of slow) socket.destroy()
  t.equal(provider.calls.length, 1, 'what never came whole is never carried out')
  const many = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`h${i}`, 'x']))
  const reply = await send(`${FILES}/public/a`, { 'X-Road-Client': tax.client, ...many })
  t.ok(reply.status === 200 || reply.status === 431, `1500 headers: ${reply.status}`)
})

t.test('every fault that was answered is in the log, and the processes live', async (t) => {
  t.ok(world.isAlive())
  t.equal((await send(`${FILES}/public/a`)).status, 200)
  const log = readFileSync(tax.logFile).subarray(logged).toString()
  const missing = details.filter((detail) => !log.includes(detail))
  t.strictSame(missing, [], `${details.length} ids`)
  const lines = log.split('\n')
  t.strictSame(
    lines.filter((line) => line.includes('internal_error')),
    [],
    'no surprise among them',
  )
  // A path may contain personal data.
  t.strictSame(
    lines.filter((line) => /public\/|<script>/.test(line)),
    [],
    'no path in a line',
  )
  // On a busy machine a check may not end in its time.
  await until('ready', async (saw) => {
    const { status, body } = await ask(tax.adminUrl, '/health/ready')
    return saw({ status, said: body.toString() }).status === 200
  })
})

const leafOf = (pem: string): string => pem.slice(0, pem.indexOf('-----END') + 25)
