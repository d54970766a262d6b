import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { FaultCode } from '#schemas/fault.ts'
import { idText, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { clientStatus, type Standing } from './client-status.ts'
import { createLocalSystems, type LocalSystems } from './local-systems.ts'
import { localSystemsMigrations } from './migrations.ts'
import { readOpenApi } from './read-openapi.ts'

const NOW = Date.parse('2026-06-01T12:00:00Z')
const provider = parseSubsystemId('DEV/GOV/1000/population')
const tax = parseSubsystemId('DEV/GOV/2000/tax')
const business = parseSubsystemId('DEV/COM/3000/business')
const service = parseServiceId('DEV/GOV/1000/population/persons')

async function open(database: Database, clock = () => NOW): Promise<LocalSystems> {
  await migrate(database, localSystemsMigrations)
  return createLocalSystems({ database, clock, own: [{ host: '127.0.1.1', port: 4000 }] })
}

function code(wanted: FaultCode) {
  return { name: 'Fault', code: wanted } as unknown as Error
}

/** A real self-signed certificate from openssl, valid for this number of days from now. */
function selfSigned(t: Test, days: number): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-ls-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const out = path.join(folder, 'c.pem')
  const key = path.join(folder, 'k.pem')
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execFileSync(
    'openssl',
    [...request, '-keyout', key, '-out', out, '-days', `${days}`, '-subj', '/CN=system'],
    {
      stdio: 'ignore',
    },
  )
  return readFileSync(out)
}

t.test('clients, their modes and certificates', (t) =>
  eachDatabase(t, async (database, t) => {
    let now = Date.now() + 60_000
    const systems = await open(database, () => now)
    t.equal(systems.client(tax), undefined, 'nobody is a client at first')
    await systems.addClient(tax)
    t.equal(systems.client(tax)?.authenticationMode, 'SSLAUTH', 'certificates are asked for by default')
    await t.rejects(systems.addClient(tax), code('conflict'))
    await systems.setAuthenticationMode(tax, 'NOSSL')
    t.equal(systems.client(tax)?.authenticationMode, 'NOSSL')
    await t.rejects(systems.setAuthenticationMode(business, 'NOSSL'), code('not_found'))

    let isListed = false
    let request = 0
    const settled = async (asked?: Exclude<Standing['asked'], ''>): Promise<string> => {
      if (asked !== undefined) await systems.asked(tax, asked, ++request)
      await systems.settle(() => isListed)
      t.ok(systems.isSettled(() => isListed))
      return clientStatus(systems.view().clients.get(idText(tax))!.standing, isListed)
    }
    t.equal(await settled(), 'SAVED')
    t.equal(await settled('clientReg'), 'REGISTRATION_IN_PROGRESS')
    isListed = true
    t.equal(await settled(), 'REGISTERED')
    t.equal(await settled('clientDisable'), 'DISABLING_IN_PROGRESS')
    isListed = false
    t.equal(await settled(), 'DISABLED')
    t.equal(await settled('clientEnable'), 'ENABLING_IN_PROGRESS')
    for (const other of [
      { kind: 'clientEnable', request: request - 1 } as const,
      { kind: 'clientReg', request } as const,
    ])
      await systems.ended(tax, other)
    t.equal(await settled(), 'ENABLING_IN_PROGRESS', 'another request ended')
    await systems.ended(tax, { kind: 'clientEnable', request })
    t.equal(await settled(), 'DISABLED', 'the registry declined')
    isListed = true
    t.equal(await settled('clientEnable'), 'REGISTERED')
    isListed = false
    t.equal(await settled(), 'GLOBAL_ERROR', 'nobody here asked for that')
    isListed = true
    t.equal(await settled('clientDeletion'), 'DELETION_IN_PROGRESS')
    isListed = false
    t.equal(await settled(), 'SAVED')
    t.equal(clientStatus({ standing: 'REGISTERED', asked: '' }, undefined), 'REGISTERED', 'as it was last')

    const { sha256, der } = await systems.addClientCertificate(tax, selfSigned(t, 2))
    t.ok(systems.client(tax)?.certificates.has(sha256))
    await t.rejects(systems.addClientCertificate(tax, der), code('conflict'))
    await t.rejects(systems.addClientCertificate(tax, Buffer.from('no')), code('malformed_certificate'))
    now += 3 * 86_400_000
    t.notOk(systems.client(tax)?.certificates.has(sha256), 'an expired certificate is none, without a reload')
    await t.rejects(
      systems.addClientCertificate(tax, selfSigned(t, 1)),
      code('cert_validation'),
      'expired already',
    )
    now -= 5 * 86_400_000
    t.notOk(systems.client(tax)?.certificates.has(sha256), 'nor is one of the future')
    now += 2 * 86_400_000
    t.ok(systems.client(tax)?.certificates.has(sha256))
    await systems.deleteClientCertificate(tax, sha256)
    t.notOk(systems.client(tax)?.certificates.has(sha256))
    await t.rejects(systems.deleteClientCertificate(tax, sha256), code('cert_not_found'))
    await systems.deleteClient(tax)
    t.strictSame(systems.clients(), [])
  }),
)

t.test('services, endpoints and rights', (t) =>
  eachDatabase(t, async (database, t) => {
    const systems = await open(database)
    await systems.addClient(provider)
    const made = await systems.addDescription({
      client: provider,
      code: 'persons',
      url: 'http://10.0.0.5:9000/v1/',
    })
    t.match(systems.service(service), {
      type: 'REST',
      url: 'http://10.0.0.5:9000/v1',
      timeoutMs: 60_000,
      verifyTls: true,
      disabledNotice: '',
    })
    await systems.setDisabled(made.description, false)
    t.equal(systems.service(service)?.disabledNotice, undefined)
    await systems.setDisabled(made.description, true, 'back at noon')
    t.equal(systems.service(service)?.disabledNotice, 'back at noon')
    await systems.updateService(made.service, { url: 'https://a.example', timeoutMs: 5000, verifyTls: false })
    t.match(systems.service(service), { url: 'https://a.example', timeoutMs: 5000, verifyTls: false })
    await t.rejects(systems.updateService(made.service, { timeoutMs: 1 }), code('invalid_input'))
    t.equal(systems.service(service)?.maxConcurrentCalls, undefined)
    await systems.updateService(made.service, { maxConcurrentCalls: 3 })
    t.equal(systems.service(service)?.maxConcurrentCalls, 3)
    await systems.updateService(made.service, { maxConcurrentCalls: 0 })
    t.equal(systems.service(service)?.maxConcurrentCalls, undefined, 'no bound')
    await t.rejects(systems.updateService(made.service, { maxConcurrentCalls: -1 }), code('invalid_input'))
    await t.rejects(
      systems.updateService(made.service, { url: 'http://169.254.169.254/' }),
      code('service_malformed_url'),
    )
    await t.rejects(
      systems.addDescription({ client: provider, code: 'persons', url: 'http://b' }),
      code('conflict'),
    )
    t.equal(systems.services(provider).length, 1, 'a failed act left nothing')
    for (const bad of ['a/b', 'a\u202eb', 'a\u2060b', ' a', 'a\u009bb', 'a\uffff']) {
      await t.rejects(
        systems.addDescription({ client: provider, code: bad, url: 'http://b' }),
        code('invalid_client_identifier'),
      )
      await t.rejects(systems.addLocalGroup(provider, bad, 'group'), code('invalid_client_identifier'))
    }

    const sha256 = await systems.addServiceCertificate(made.service, selfSigned(t, 2))
    t.match(systems.service(service)?.trustedCertificates?.[0], /^-----BEGIN CERTIFICATE-----\n/)
    await systems.deleteServiceCertificate(made.service, sha256)
    t.equal(systems.service(service)?.trustedCertificates, undefined)

    const ask = (client = tax, method = 'GET', at = '/persons/1') =>
      systems.isAllowed({ client, service, method, path: at, isInGlobalGroup: (group) => group === 'all' })
    t.notOk(ask(), 'denied by default')
    const endpoint = await systems.addEndpoint(made.service, 'GET', '/persons/*')
    await t.rejects(systems.addEndpoint(made.service, 'GET', '/persons/*'), code('conflict'))
    await t.rejects(systems.addEndpoint(made.service, 'FETCH', '/a'), code('invalid_http_method'))
    await t.rejects(systems.addEndpoint(made.service, 'GET', '/a*.json'), code('invalid_input'))
    const right = await systems.grantEndpoint(endpoint, { type: 'SUBSYSTEM', id: idText(tax) })
    await t.rejects(systems.grantEndpoint(endpoint, { type: 'SUBSYSTEM', id: idText(tax) }), code('conflict'))
    t.ok(ask())
    t.notOk(ask(tax, 'POST'))
    t.notOk(ask(tax, 'GET', '/persons/1/address'))
    t.notOk(ask(business))
    t.strictSame(systems.endpoints(service), [{ method: 'GET', path: '/persons/*' }])
    const nobody = { client: business, isInGlobalGroup: () => false }
    t.strictSame(systems.endpoints(service, nobody), [])
    t.equal(
      systems.allowedServices({ client: tax, provider, isInGlobalGroup: () => false })[0]?.id.serviceCode,
      'persons',
    )
    t.strictSame(systems.allowedServices({ ...nobody, provider }), [])
    await systems.revoke(made.service, right)
    t.notOk(ask(), 'a right taken away is gone at once')
    await t.rejects(systems.revoke(made.service, right), code('not_found'))

    await systems.grantService(made.service, { type: 'GLOBALGROUP', id: 'all' })
    t.ok(ask(business, 'DELETE', '/x/y'), 'the whole service to a global group')
    await systems.deleteClient(provider)
    t.equal(systems.service(service), undefined, 'a client takes its services and rights along')
    await systems.addClient(provider)
    await systems.addDescription({ client: provider, code: 'persons', url: 'http://10.0.0.5' })
    t.notOk(ask(business), 'a new service of the same name inherits no right')
  }),
)

t.test('local groups count only on the services of their client', (t) =>
  eachDatabase(t, async (database, t) => {
    const systems = await open(database)
    await systems.addClient(provider)
    await systems.addClient(tax)
    const made = await systems.addDescription({ client: provider, code: 'persons', url: 'http://10.0.0.5' })
    const ask = (client = business) =>
      systems.isAllowed({ client, service, method: 'GET', path: '', isInGlobalGroup: () => false })
    const foreign = await systems.addLocalGroup(tax, 'friends', 'of the tax agency')
    await systems.addLocalGroupMembers(foreign, [business])
    await t.rejects(
      systems.grantService(made.service, { type: 'LOCALGROUP', id: 'friends' }),
      code('not_found'),
    )
    const own = await systems.addLocalGroup(provider, 'friends', 'of the register')
    await t.rejects(systems.addLocalGroup(provider, 'friends', 'again'), code('conflict'))
    await systems.grantService(made.service, { type: 'LOCALGROUP', id: 'friends' })
    t.notOk(ask(), "another client's group of the same code opens nothing")
    await systems.addLocalGroupMembers(own, [business, business, tax])
    t.ok(ask())
    t.ok(ask(tax))
    await systems.deleteLocalGroupMembers(own, [business])
    t.notOk(ask())
    await systems.describeLocalGroup(own, 'new words')
    t.equal(systems.view().groups.get(own)?.description, 'new words')
    await systems.deleteLocalGroup(own)
    const second = await systems.addLocalGroup(provider, 'friends', 'a new one')
    await systems.addLocalGroupMembers(second, [business])
    t.notOk(ask(), 'a new group of the same code inherits no right')
  }),
)

t.test('another node sees a change by polling; a failed change changes nothing', (t) =>
  eachDatabase(t, async (database, t) => {
    const first = await open(database)
    const second = await createLocalSystems({ database, clock: () => NOW })
    let calls = 0
    const stop = second.onChange(() => (calls += 1))
    t.equal(await second.poll(), false)
    t.equal(await second.isOutdated(), false)
    await first.addClient(tax)
    t.equal(await second.isOutdated(), true)
    t.equal(second.client(tax), undefined)
    t.equal(await second.poll(), true)
    t.ok(second.client(tax))
    t.equal(calls, 1)
    stop()
    const counter = first.view().counter
    await t.rejects(first.addClient(tax), code('conflict'))
    t.equal(await second.poll(), false, 'the counter rose with the transaction that was rolled back')
    t.equal(first.view().counter, counter)
    await Promise.all([first.addClient(business), second.addClient(provider)])
    await Promise.all([first.poll(), second.poll()])
    t.strictSame(
      first.clients().map(({ id }) => idText(id)),
      second.clients().map(({ id }) => idText(id)),
    )
    t.equal(first.clients().length, 3)
  }),
)

const DOCUMENT = `
openapi: 3.1.0
info: { title: Persons, version: 1.2.0 }
servers: [{ url: https://internal.example/v1 }]
paths:
  /persons/{id}:
    servers: [{ url: https://hidden.example }]
    get: { responses: {}, servers: [{ url: https://secret.example }] }
    delete: { responses: {} }
  /star*/{a}-{b}/x:
    post: { responses: {} }
`

t.test('what is deleted at the same moment is a conflict, never a mistake of the server', (t) =>
  eachDatabase(t, async (database, t) => {
    const systems = await open(database)
    const certificate = selfSigned(t, 2)
    await systems.addClient(provider)
    const outcomes = new Set<string>()
    const codeOf = (act: Promise<unknown>): Promise<void> =>
      act.then(
        () => void outcomes.add('done'),
        (thrown: { code?: string }) => void outcomes.add(thrown.code ?? String(thrown)),
      )
    for (let round = 0; round < 5; round++) {
      const made = await systems.addDescription({ client: provider, code: 'a', url: 'http://10.0.0.5' })
      const group = await systems.addLocalGroup(provider, 'friends', 'of the register')
      await Promise.all([
        codeOf(systems.deleteDescription(made.description)),
        codeOf(systems.addServiceCertificate(made.service, certificate)),
        codeOf(systems.addEndpoint(made.service, 'GET', '/a')),
        codeOf(systems.deleteLocalGroup(group)),
        codeOf(systems.addLocalGroupMembers(group, [tax])),
      ])
    }
    await Promise.all([
      codeOf(systems.deleteClient(provider)),
      codeOf(systems.addClientCertificate(provider, certificate)),
    ])
    outcomes.delete('not_found')
    t.same([...outcomes].sort(), ['conflict', 'done'])
  }),
)

t.test('OpenAPI descriptions', async (t) => {
  const summary = await readOpenApi(DOCUMENT)
  t.strictSame(summary.endpoints, [
    { method: 'GET', path: '/persons/*' },
    { method: 'DELETE', path: '/persons/*' },
    { method: 'POST', path: '/star\\*/*/x' },
  ])
  t.equal(summary.serverUrl, 'https://internal.example/v1')
  t.notMatch(summary.published, /internal|hidden|secret/, 'no address of a server is published')
  t.match(
    (await readOpenApi(JSON.stringify({ openapi: '3.0.3', info: {}, paths: {} }))).published,
    /^\{\n {2}"openapi"/,
  )
  const bad = {
    'not an object': '[]',
    'version 2': 'swagger: "2.0"\ninfo: {}\npaths: {}',
    'twin keys': 'openapi: 3.0.0\nopenapi: 3.0.0\ninfo: {}\npaths: {}',
    'path without slash': 'openapi: 3.0.0\ninfo: {}\npaths: { a: {} }',
    'no info': 'openapi: 3.0.0\npaths: {}',
    'broken yaml': 'openapi: [3.0.0\n',
    'alias bomb': `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((k, i) => `${k}: &${k} [${`*${'abcdefgh'[i]},`.repeat(9)}]`)
      .join('\n')}\nopenapi: 3.0.0\ninfo: {}\npaths: {}`,
    'too large': `openapi: 3.0.0\ninfo: { title: "${'x'.repeat(2 * 1024 * 1024)}" }\npaths: {}`,
    'too many': `openapi: 3.0.0\ninfo: {}\npaths:\n${Array.from({ length: 2001 }, (_, i) => `  /p${i}: { get: {} }`).join('\n')}`,
  }
  for (const [name, text] of Object.entries(bad))
    await t.rejects(readOpenApi(text), code('invalid_input'), name)
  const written = `{ openapi: 3.0.0, info: {}, paths: {}, a: &a ["${'x'.repeat(200_000)}"], b: [${'*a,'.repeat(90)}] }`
  await t.rejects(readOpenApi(written), code('invalid_input'), 'aliases that JSON writes out')

  await t.test('one that takes long holds up nobody, and is given up', async (t) => {
    const begin = 'openapi: 3.0.0\ninfo: {}\npaths: {}\n'
    const keys = `${begin}x:\n${Array.from({ length: 30_000 }, (_, i) => `  k${i}: 1\n`).join('')}`
    for (const [name, text] of Object.entries({ keys, nested: `${begin}x:\n ${'? '.repeat(20_000)}y\n` })) {
      let isRead = false
      const read = readOpenApi(text, { timeMs: 1, oldGenerationMb: 256 }).finally(() => {
        isRead = true
      })
      const refused = t.rejects(read, code('invalid_input'), name)
      await new Promise((resolve) => setImmediate(resolve))
      t.notOk(isRead, `${name}: others have their turn`)
      await refused
    }
    await t.rejects(
      readOpenApi(keys, { timeMs: 600_000, oldGenerationMb: 16 }),
      code('invalid_input'),
      'memory',
    )
    t.match(await readOpenApi(DOCUMENT), { serverUrl: /./ }, 'the next one is read')
  })

  await eachDatabase(t, async (database, t) => {
    const systems = await open(database)
    await systems.addClient(provider)
    const made = await systems.addDescription({ client: provider, code: 'persons', document: DOCUMENT })
    t.match(systems.service(service), { type: 'OPENAPI', url: 'https://internal.example/v1' })
    t.notMatch(systems.service(service)?.documentText, /internal/)
    const endpointOf = (method: string) =>
      systems
        .view()
        .servicesByKey.get(made.service)
        ?.endpoints.find((each) => each.method === method)
    await systems.grantEndpoint(endpointOf('GET')!.id, { type: 'SUBSYSTEM', id: idText(tax) })
    await systems.grantEndpoint(endpointOf('DELETE')!.id, { type: 'SUBSYSTEM', id: idText(tax) })
    await systems.addEndpoint(made.service, 'PUT', '/by-hand')
    await systems.replaceDocument(
      made.description,
      DOCUMENT.replace(/ {4}delete.*\n/, '').replace('post:', 'patch:'),
      async () => undefined,
    )
    const ask = (method: string) =>
      systems.isAllowed({ client: tax, service, method, path: '/persons/1', isInGlobalGroup: () => false })
    t.ok(ask('GET'), 'an endpoint that stays keeps its rights')
    t.notOk(ask('DELETE'), 'one that went took them along')
    t.strictSame(
      systems.endpoints(service).map((each) => each.method),
      ['GET', 'PUT', 'PATCH'],
    )
    await systems.replaceDocument(made.description, DOCUMENT, async () => undefined)
    t.notOk(ask('DELETE'), 'one that comes back has none')
  })
})
