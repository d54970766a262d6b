/** New documents over the API: what is shown is what is applied, whatever happens in between. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { ContractContent } from '#schemas/contract.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'
import { onEachDatabase } from '#test/databases.ts'
import { wsdl } from '#test/fakes/soap-service.ts'
import { auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import type { DescriptionChange } from '../../local-systems/description-change.ts'
import { affectedContracts } from './affected-contracts.ts'
import { changeView } from './change-view.ts'

const CLIENT = 'DEV:GOV:1000:population'
const TAX = 'DEV:COM:4000:tax'

const BEFORE = `openapi: 3.0.0
info: { title: Persons, version: "1" }
servers: [{ url: "http://10.0.0.1/v1" }]
paths: { "/p/{id}": { get: {}, delete: {} } }
`
const AFTER = BEFORE.replace('delete', 'put')

type Shown = { digest: string; same: boolean; warnings: { code: string }[] } & Record<string, unknown>
type Made = {
  id: number
  services: { id: number; serviceCode: string; endpoints: { id: number; method: string }[] }[]
}

/** A web server whose document changes. */
async function source(t: Test, document: string) {
  const shown = { document: Buffer.from(document), asked: 0 }
  const server = createServer((_request, response) => {
    shown.asked++
    response.end(shown.document)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/description`
  return {
    ...shown,
    url,
    asked: () => shown.asked,
    now: (next: string | Buffer) => (shown.document = Buffer.from(next)),
  }
}

/** A description with a right to DELETE, in a server of its own. */
async function described(t: Test, more: object, databaseUrl?: string) {
  const { ask } = await createAdminWorld(t, databaseUrl === undefined ? {} : { databaseUrl })
  await ask('POST', '/clients', { id: CLIENT })
  const body = { type: 'OPENAPI', serviceCode: 'persons', ...more }
  const made = (await ask('POST', `/clients/${CLIENT}/service-descriptions`, body)).body as Made
  const [service] = made.services
  const endpointId = service!.endpoints.find(({ method }) => method === 'DELETE')!.id
  const right = { subjectType: 'SUBSYSTEM', subjectId: TAX }
  const rights = `/services/${service!.id}/access-rights`
  t.equal((await ask('POST', rights, { ...right, endpointId })).status, 201)
  return { ask, at: `/service-descriptions/${made.id}`, service: service!.id, right, rights, endpointId }
}

onEachDatabase('a document from a URL is applied as it was shown, or not at all', async (t, databaseUrl) => {
  const web = await source(t, BEFORE)
  const { ask, at, rights, endpointId } = await described(t, { documentUrl: web.url }, databaseUrl)
  const show = async () => (await ask('POST', `${at}/refresh`)).body as Shown
  const accept = (digest: string, ignoreWarnings?: boolean) =>
    ask('PUT', `${at}/refresh`, { accept: digest, ...(ignoreWarnings !== undefined && { ignoreWarnings }) })
  const inForce = async () => (await ask('GET', `${at}/document`)).raw.toString()

  t.match(await show(), { same: true, warnings: [], endpoints: { added: [], removed: [] } })
  web.now(AFTER)
  const first = await show()
  t.match(first, {
    same: false,
    endpoints: {
      added: [{ fullServiceId: `${CLIENT}:persons`, method: 'PUT', path: '/p/*' }],
      removed: [{ method: 'DELETE', path: '/p/*' }],
    },
    rightsLost: [{ subjectType: 'SUBSYSTEM', subjectId: TAX, method: 'DELETE' }],
    warnings: [{ code: 'deleting_endpoints' }, { code: 'losing_access_rights' }],
    digest: /^[0-9a-f]{64}$/,
  })
  t.equal(await inForce(), BEFORE, 'what is shown is not applied')
  t.equal((await show()).digest, first.digest, 'the same is shown as the same')

  web.now(AFTER.replace('Persons', 'People'))
  const refused = await accept(first.digest, true)
  t.match(refused, {
    status: 409,
    headers: { 'x-road-error': 'description_changed' },
    body: {
      ...{ type: 'description_changed', message: /nothing is changed/, detail: /./ },
      change: { facts: [{ what: 'title', to: 'People' }], digest: /./ },
    },
  })
  t.equal(await inForce(), BEFORE, 'another document than was shown')
  web.now(AFTER)
  t.match(await accept(first.digest), {
    status: 409,
    body: { type: 'warnings_not_ignored', change: { digest: first.digest } },
  })
  t.match(await accept(first.digest, false), { status: 409, body: { type: 'warnings_not_ignored' } })
  t.equal(await inForce(), BEFORE, 'warnings are ignored by who says so only')

  const late = { subjectType: 'GLOBALGROUP', subjectId: 'late', endpointId }
  t.equal((await ask('POST', rights, late)).status, 201)
  const { body } = await accept(first.digest, true)
  t.match(body, {
    type: 'description_changed',
    change: { rightsLost: [{ subjectId: TAX }, { subjectId: 'late' }] },
  })
  t.equal(await inForce(), BEFORE, 'the same document, but it would take more away')
  const { digest } = (body as { change: Shown }).change
  t.match(await accept(digest, true), {
    status: 200,
    body: { services: [{ endpoints: [{}, { method: 'GET' }, { method: 'PUT' }], accessRights: [] }] },
  })
  t.equal(await inForce(), AFTER)
  t.match((await accept(digest, true)).body, { type: 'description_changed', change: { same: true } }, 'once')

  const rows = await auditOf(ask)
  const applied = rows.filter(({ operation }) => operation === 'applyServiceDescription')
  t.equal(applied.length, 1, 'what was refused was not applied')
  t.match(applied[0], {
    target: /^service description \d+$/,
    data: {
      ...{ digest, document: { sha256: /./ }, contracts: 0 },
      endpoints: { removed: [`DELETE /p/* of ${CLIENT}:persons`] },
      rightsLost: [/^SUBSYSTEM DEV:COM:4000:tax: DELETE/, /^GLOBALGROUP late: DELETE/],
      ignoredWarnings: [{ code: 'deleting_endpoints' }, { code: 'losing_access_rights' }],
    },
  })
  t.match(
    rows.filter(({ operation }) => operation === 'acceptRefreshedDocument').map(({ data }) => data),
    { length: 6, 0: { body: { accept: digest, ignoreWarnings: true } } },
    'each try is recorded',
  )
  t.equal(rows.filter(({ operation }) => operation === 'refreshServiceDescription').length, 3)
  t.equal(web.asked(), 10, 'it was fetched for each call and no other')
})

t.test('a document that is sent is applied as it was shown, or not at all', async (t) => {
  const { ask, at, service } = await described(t, { document: BEFORE })
  const show = (text: string) => ask('POST', `${at}/document`, Buffer.from(text))
  const put = (text: string, query: string) => ask('PUT', `${at}/document${query}`, Buffer.from(text))
  t.equal((await put(AFTER, '')).status, 400, 'nobody has accepted it')
  t.equal((await put(AFTER, '?accept=x')).status, 400)
  const { digest } = (await show(AFTER)).body as Shown
  t.match((await put(BEFORE, `?accept=${digest}&ignoreWarnings=true`)).body, { type: 'description_changed' })
  t.match((await put(AFTER, `?accept=${digest}`)).body, { type: 'warnings_not_ignored' })
  t.equal((await ask('GET', `${at}/document`)).raw.toString(), BEFORE)
  t.match(await put(AFTER, `?accept=${digest}&ignoreWarnings=true`), {
    status: 200,
    body: { services: [{ id: service }] },
  })
  t.equal((await ask('GET', `${at}/document`)).raw.toString(), AFTER)
  const additional = AFTER.replace('put: {}', 'put: {}, post: {}')
  const added = (await show(additional)).body as Shown
  t.same(added.warnings, [])
  t.equal((await put(additional, `?accept=${added.digest}`)).status, 200, 'what only adds has no warning')

  const moved = additional.replace('10.0.0.1', '10.0.0.2')
  t.match((await show(moved)).body, {
    services: { changed: [{ what: 'address', from: 'http://10.0.0.1/v1', to: 'http://10.0.0.2/v1' }] },
    warnings: [{ code: 'address_kept' }],
  })
  const queries = additional.replace('3.0.0', '3.2.0').replace('put: {}', 'put: {}, query: {}')
  t.match((await show(queries)).body, {
    facts: [{ what: 'openapi', from: '3.0.0', to: '3.2.0' }],
    endpoints: { added: [{ method: 'QUERY', path: '/p/*' }] },
    warnings: [{ code: 'document', text: /QUERY \/p/ }],
  })
  for (const [what, text, status] of [
    ['bytes', Buffer.from([0xff]), 400],
    ['no OpenAPI', 'hello', 400],
    ['Swagger', 'swagger: "2.0"', 400],
    ['too large', ' '.repeat(2_100_000), 413],
    ['WSDL', wsdl('http://10.0.0.1', ['a']), 400],
  ] as const) {
    t.equal((await ask('POST', `${at}/document`, Buffer.from(text))).status, status, what)
    t.equal((await ask('PUT', `${at}/document?accept=${digest}`, Buffer.from(text))).status, status, what)
  }
  t.equal((await ask('PUT', `${at}/refresh`, { accept: digest })).status, 409, 'it has no URL')
  const rest = { type: 'REST', serviceCode: 'plain', url: 'http://10.0.0.1' }
  const { id } = (await ask('POST', `/clients/${CLIENT}/service-descriptions`, rest)).body as Made
  t.equal((await ask('POST', `/service-descriptions/${id}/document`, Buffer.from(AFTER))).status, 409)
  t.equal((await ask('POST', `/service-descriptions/${id}/refresh`)).status, 409)
  t.equal((await ask('POST', '/service-descriptions/999/document', Buffer.from(AFTER))).status, 404)
})

t.test('a document from another address: rights of what stays are kept', async (t) => {
  const [old, next] = [await source(t, BEFORE), await source(t, BEFORE)]
  const { ask, at, rights } = await described(t, { documentUrl: old.url })
  const to = (url: string) => ask('POST', `${at}/address`, { url })
  const change = (accept: string, more: object = {}) =>
    ask('PUT', `${at}/address`, { url: next.url, accept, ...more })
  t.match((await to(old.url)).body, { same: true }, 'the address in force')
  const moves = (await to(next.url)).body as Shown
  const address = { from: old.url, to: next.url }
  t.match(moves, { same: false, address, warnings: [], rightsLost: [] }, 'the same document elsewhere')
  next.now(BEFORE.replace('delete: {}', 'delete: {}, put: {}'))
  t.match(await change(moves.digest), { status: 409, body: { type: 'description_changed' } })
  const shown = (await to(next.url)).body as Shown
  t.match(shown, { address, endpoints: { added: [{ method: 'PUT' }], removed: [] }, warnings: [] })
  t.match(await ask('GET', at), { body: { url: old.url } }, 'what is shown is not done')
  t.match(await change(shown.digest), {
    status: 200,
    body: { url: next.url, services: [{ accessRights: [{ subjectId: TAX, method: 'DELETE' }] }] },
  })
  t.match((await ask('GET', rights)).body, [{ subjectId: TAX, method: 'DELETE' }], 'of what stays')
  t.match((await ask('POST', `${at}/refresh`)).body, { same: true })
  const [applied] = (await auditOf(ask)).filter(({ operation }) => operation === 'applyServiceDescription')
  t.match(applied, { data: { address } })

  next.now(AFTER)
  const less = (await to(next.url)).body as Shown
  t.match((await change(less.digest)).body, { type: 'warnings_not_ignored' })
  const own = 'http://169.254.0.1/'
  t.equal((await to(own)).status, 400, 'no address that is not allowed')
  const rest = { type: 'REST', serviceCode: 'plain', url: 'http://10.0.0.1' }
  const { id } = (await ask('POST', `/clients/${CLIENT}/service-descriptions`, rest)).body as Made
  t.equal((await ask('POST', `/service-descriptions/${id}/address`, { url: next.url })).status, 409)
  const sent = { type: 'OPENAPI', serviceCode: 'sent', document: BEFORE }
  const { id: file } = (await ask('POST', `/clients/${CLIENT}/service-descriptions`, sent)).body as Made
  t.match(await ask('POST', `/service-descriptions/${file}/address`, { url: old.url }), {
    body: { same: false, address: { from: '', to: old.url } },
  })
})

onEachDatabase('an endpoint that is moved keeps its rights', async (t, databaseUrl) => {
  const { ask, service, right, rights, endpointId } = await described(t, { document: BEFORE }, databaseUrl)
  const add = { method: 'POST', path: '/by-hand' }
  const { id } = (await ask('POST', `/services/${service}/endpoints`, add)).body as { id: number }
  t.equal((await ask('POST', rights, { ...right, endpointId: id })).status, 201)
  const moved = await ask('PATCH', `/endpoints/${id}`, { method: 'PUT', path: '/moved/*' })
  t.match(moved, { status: 200, body: { id, method: 'PUT', path: '/moved/*', generated: false } })
  const given = JSON.parse((await ask('GET', rights)).raw.toString()) as { endpointId: number }[]
  const mine = given.filter((one) => one.endpointId === id)
  t.match(mine, [{ subjectId: TAX, method: 'PUT', path: '/moved/*' }])
  const { body } = await ask('GET', `/services/${service}`)
  const [base] = (body as Made['services'][number]).endpoints
  for (const [what, at, to, status] of [
    ['one of the document', endpointId, add, 409],
    ['the service itself', base!.id, add, 409],
    ['one that is there', id, { method: 'DELETE', path: '/p/*' }, 409],
    ['no method', id, { method: 'FETCH', path: '/x' }, 400],
    ['no path', id, { method: 'GET', path: 'x' }, 400],
    ['half of it', id, { method: 'GET' }, 400],
    ['none', 999, add, 404],
  ] as const)
    t.equal((await ask('PATCH', `/endpoints/${at}`, to)).status, status, what)
})

t.test('a WSDL: services and settings of one description', async (t) => {
  const web = await source(t, wsdl('http://10.0.0.1/soap', ['a', 'b/v1', 'c']))
  const { ask } = await createAdminWorld(t)
  await ask('POST', '/clients', { id: CLIENT })
  const body = { type: 'WSDL', documentUrl: web.url }
  const made = (await ask('POST', `/clients/${CLIENT}/service-descriptions`, body)).body as Made
  t.match(made, { warnings: [], services: [{}, {}, {}] })
  const [a, b] = made.services
  t.match(
    await ask('PATCH', `/services/${a!.id}`, { timeoutMs: 9000, timeoutAll: true, url: 'http://10.0.0.9' }),
    {
      status: 200,
      body: { timeoutMs: 9000, url: 'http://10.0.0.9' },
    },
  )
  t.match((await ask('GET', `/services/${b!.id}`)).body, { timeoutMs: 9000, url: 'http://10.0.0.1/soap' })
  await ask('PATCH', `/services/${b!.id}`, {
    verifyTls: false,
    verifyTlsAll: true,
    url: 'http://10.0.0.8',
    urlAll: true,
  })
  t.match((await ask('GET', `/services/${a!.id}`)).body, { verifyTls: false, url: 'http://10.0.0.8' })
  for (const wrong of [{ urlAll: true }, { timeoutMs: 9000, urlAll: true }, { verifyTlsAll: false }, {}])
    t.equal((await ask('PATCH', `/services/${a!.id}`, wrong)).status, 400, JSON.stringify(wrong))
  const acts = (await auditOf(ask)).filter(({ operation }) => operation === 'updateService')
  t.equal(
    acts.filter(({ data }) => JSON.stringify(data).includes('"timeoutAll":true')).length,
    1,
    'one act for all',
  )

  const at = `/service-descriptions/${made.id}`
  web.now(wsdl('http://10.0.0.1/soap', ['a', 'b/v2']))
  const shown = (await ask('POST', `${at}/refresh`)).body as Shown
  t.match(shown, {
    services: {
      added: [{ serviceCode: 'b', serviceVersion: 'v2' }],
      removed: [{ fullServiceId: `${CLIENT}:b:v1` }, { fullServiceId: `${CLIENT}:c` }],
    },
    warnings: [{ code: 'deleting_services' }],
  })
  const accepted = { accept: shown.digest, ignoreWarnings: true }
  t.match(await ask('PUT', `${at}/refresh`, accepted), {
    status: 200,
    body: {
      services: [{ serviceCode: 'a', timeoutMs: 9000, url: 'http://10.0.0.8' }, { serviceVersion: 'v2' }],
    },
  })
  const outside = `<!DOCTYPE a [<!ENTITY e SYSTEM "${web.url}">]>`
  for (const hostile of [
    wsdl('http://10.0.0.1', ['a']).replace('<wsdl:definitions', `${outside}$&`),
    ' '.repeat(2_100_000),
    Buffer.from([0xff]),
  ]) {
    web.now(hostile)
    const asked = web.asked()
    const { status } = await ask('POST', `${at}/refresh`)
    t.ok(status === 400 || status === 502, String(status))
    t.equal(web.asked(), asked + 1, 'nothing else is fetched')
  }
})

t.test('contracts that name what goes', (t) => {
  const service = { ...parseSubsystemId('DEV/GOV/1000/population'), serviceCode: 'persons' }
  const contract = (state: string, endpoints: object[], more: object = {}) => {
    const services = [{ serviceCode: 'persons', endpoints }]
    const content = {
      contract: state,
      version: 1,
      title: 'T',
      provider: 'DEV/GOV/1000/population',
      services,
      ...more,
    }
    return { listed: { state }, content: content as unknown as ContractContent } as never
  }
  const get = { method: 'GET', path: '/p/*' }
  const change: Pick<DescriptionChange, 'services' | 'endpoints'> = {
    services: { added: [], removed: [], changed: [] },
    endpoints: { added: [], takenOver: [], removed: [{ service, ...get }] },
  }
  const names = (contracts: never[], of = change) =>
    affectedContracts(contracts, of).map(({ contract, path, goes }) => `${contract} ${path}: ${goes.join()}`)
  t.same(
    names([
      contract('ACTIVE', [get, { method: 'DELETE', path: '/p/*' }, { method: '*', path: '/p/1' }]),
      contract('PROPOSED', [{ method: '*', path: '**' }]),
      contract('TERMINATED', [get]),
      contract('SUSPENDED', [get], { provider: 'DEV/GOV/1000/other' }),
      contract('ACCEPTED', [get], { services: [{ serviceCode: 'others', endpoints: [get] }] }),
    ]),
    ['ACTIVE /p/*: GET /p/*', 'ACTIVE /p/1: GET /p/*', 'PROPOSED **: GET /p/*'],
  )
  const soap = {
    services: {
      ...change.services,
      removed: [{ service: { ...service, serviceVersion: 'v1' }, url: '', tlsCertificates: 0 }],
    },
    endpoints: { ...change.endpoints, removed: [] },
  }
  t.same(names([contract('ACTIVE', [{ method: 'POST', path: '/' }])], soap), [
    'ACTIVE /: the service persons:v1',
  ])
  const shown = changeView(
    { id: 1, client: service, type: 'WSDL' },
    {
      ...{ ...soap, facts: [], rightsLost: [], warnings: ['mind this'] },
      ...{ document: { sha256: 'a', bytes: 1 }, present: { sha256: 'b', isRead: false } },
    },
    undefined,
  )
  t.same(
    shown.warnings.map(({ code }) => code),
    ['deleting_services', 'contracts_unknown', 'present_not_read', 'document'],
    'what is not known is said',
  )
  t.end()
})
