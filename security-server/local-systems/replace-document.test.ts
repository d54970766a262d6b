/**
 * What OpenAPI documents of each version say, what a new document would change, and that exactly this is
 * applied.
 */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { wsdl } from '#test/fakes/soap-service.ts'
import type { DescriptionChange } from './description-change.ts'
import { createLocalSystems, type LocalSystems } from './local-systems.ts'
import { localSystemsMigrations } from './migrations.ts'
import { summariseOpenApi } from './summarise-openapi.ts'

const provider = parseSubsystemId('DEV/GOV/1000/population')
const tax = idText(parseSubsystemId('DEV/GOV/2000/tax'))
const agree = async (): Promise<void> => undefined

async function open(database: Database): Promise<LocalSystems> {
  await migrate(database, localSystemsMigrations)
  const systems = await createLocalSystems({ database, clock: Date.now })
  if (systems.client(provider) === undefined) await systems.addClient(provider)
  return systems
}

/** On this thread: the tests of read-openapi.ts show that nobody waits for it. */
const read = summariseOpenApi

function openApi(version: string, rest: string): string {
  return `openapi: ${version}\ninfo: { title: Persons, version: "1" }\n${rest}`
}

t.test('OpenAPI 3.0, 3.1 and 3.2 are read alike, as YAML and as JSON', async (t) => {
  const paths = { '/p/{id}': { parameters: [], get: {}, post: {} }, 'x-more': 1 }
  const endpoints = [
    { method: 'GET', path: '/p/*' },
    { method: 'POST', path: '/p/*' },
  ]
  for (const openapi of ['3.0.0', '3.0.4', '3.1.0', '3.1.2', '3.2.0', '3.2.1-rc1']) {
    const yaml = openApi(openapi, `paths: ${JSON.stringify(paths)}\n`)
    const json = JSON.stringify({ openapi, info: { title: 'Persons', version: '1' }, paths })
    for (const text of [yaml, json])
      t.match(read(text), { openapi, title: 'Persons', version: '1', endpoints, warnings: [] })
  }
  const refused = {
    'swagger: "2.0"\ninfo: {}\npaths: {}': /it is Swagger 2\.0/,
    'openapi: 3.1\ninfo: {}\npaths: {}': /it says 3\.1\)/,
    'openapi: 3.3.0\ninfo: {}\npaths: {}': /it says "3\.3\.0"/,
    'openapi: 4.0.0\ninfo: {}\npaths: {}': /3\.0, 3\.1 or 3\.2 of OpenAPI is needed/,
    'info: {}\npaths: {}': /it says "nothing"/,
    'openapi: {}\ninfo: {}\npaths: {}': /it says \{\}/,
  }
  for (const [text, message] of Object.entries(refused))
    t.throws(() => read(text), { code: 'invalid_input', message }, text)
})

t.test('the methods of OpenAPI 3.2 are endpoints, with a warning that nobody can call them', async (t) => {
  const rest = `$self: https://10.0.0.1/openapi.yaml
servers: [{ name: internal, url: "https://10.0.0.1/v1" }]
paths:
  /p:
    get: {}
    query: { servers: [{ url: "https://10.0.0.2" }] }
    additionalOperations:
      LINK: { servers: [{ url: "https://10.0.0.3" }] }
      copy: {}
  /q: { $ref: "#/components/pathItems/q~1" }
components: { pathItems: { "q/": { servers: [{ url: "https://10.0.0.4" }], delete: { servers: [{ url: "https://10.0.0.5" }] } } } }
`
  const { endpoints, serverUrl, warnings, published } = read(openApi('3.2.0', rest))
  t.same(
    endpoints.map(({ method, path }) => `${method} ${path}`),
    ['GET /p', 'QUERY /p', 'LINK /p', 'copy /p', 'DELETE /q'],
  )
  t.equal(serverUrl, 'https://10.0.0.1/v1')
  t.match(warnings, [/^QUERY \/p, LINK \/p, copy \/p: .* refused \(invalid_http_method\)/, /\$self/])
  t.notMatch(published, /10\.0\.0\./, 'no address of a server is published')
  t.match(published, /additionalOperations/)
  const named = openApi('3.2.0', '$self: urn:persons\npaths: {}\n')
  t.match(read(named).published, /\$self: urn:persons/, 'a name is no address')

  const early = read(openApi('3.1.0', rest))
  t.notOk(early.endpoints.some(({ method }) => ['QUERY', 'LINK', 'copy'].includes(method)))
  t.match(early.warnings[0], /query and additionalOperations of \/p are read from OpenAPI 3\.2 on only/)
  for (const method of ['"*"', 'GET', 'QUERY', '"a b"', '"a/b"', '""', 'x'.repeat(40)])
    t.throws(
      () => read(openApi('3.2.0', `paths: { /p: { additionalOperations: { ${method}: {} } } }\n`)),
      { code: 'invalid_input', message: /additionalOperations of \/p name/ },
      `${method} would mean something else`,
    )
})

t.test('references lead nowhere', async (t) => {
  const chain = Array.from({ length: 20 }, (_, i) => `c${i}: { $ref: "#/components/pathItems/c${i + 1}" }`)
  const { endpoints, warnings } = read(
    openApi(
      '3.1.0',
      `paths:
  /self: { $ref: "#/paths/~1self", get: {} }
  /a: { $ref: "#/paths/~1b" }
  /b: { $ref: "#/paths/~1a", put: {} }
  /deep: { $ref: "#/components/pathItems/c0" }
  /elsewhere: { $ref: "http://169.254.169.254/latest#/paths/a", patch: {} }
  /file: { $ref: "file:///etc/passwd" }
  /nothing: { $ref: "#/paths/none/%ZZ" }
  /built-in: { $ref: "#/constructor" }
components:
  pathItems: { ${chain.join(', ')} }
  schemas: { Tree: { properties: { children: { items: { $ref: "#/components/schemas/Tree" } } } } }
`,
    ),
  )
  t.same(
    endpoints.map(({ method, path }) => `${method} ${path}`),
    ['GET /self', 'PUT /a', 'PUT /b', 'PATCH /elsewhere'],
  )
  const count = (pattern: RegExp) => warnings.filter((one) => pattern.test(one)).length
  t.equal(count(/leads in a circle, or too far/), 4)
  t.equal(count(/is not in this document: no endpoint/), 4)
  t.match(
    warnings.at(-1),
    /^it refers to other documents.*169\.254.*file:|^it refers to other documents.*file:.*169\.254/,
  )
  const anchors = openApi('3.1.0', 'paths: { /a: &a { get: {}, x-me: *a } }\n')
  t.match(read(anchors), { published: /x-me: \*a/ }, 'an anchor inside itself')
  t.throws(() => read(`{${anchors.replaceAll('\n', ', ').replace(/, $/, '')}}`), {
    message: /contains itself/,
  })
  const wide = JSON.stringify({
    ...{ openapi: '3.1.0', info: {}, paths: {} },
    'x-many': Array.from({ length: 130_000 }, () => 0),
  })
  t.same(read(wide).warnings, [], 'a list of many')
  const many = Array.from({ length: 100 }, (_, i) => `/p${i}: { $ref: "u${i}" }`)
  t.equal(read(openApi('3.0.0', `paths: { ${many.join(', ')} }\n`)).warnings.length, 20)
  for (const path of ['/a\\u0000', '/a\\ud800'])
    t.throws(
      () => read(`{"openapi":"3.1.0","info":{},"paths":{"${path}":{"get":{}}}}`),
      { code: 'invalid_input' },
      'a path that no store takes',
    )
})

t.test('a new OpenAPI document: shown, then applied as shown', (t) =>
  eachDatabase(t, async (database, t) => {
    const systems = await open(database)
    const before = openApi(
      '3.0.0',
      'servers: [{ url: "http://10.0.0.1/a" }]\npaths: { /p: { get: {}, delete: {} }, /q: { get: {} } }\n',
    )
    const after = before
      .replace('Persons', 'People')
      .replace('3.0.0', '3.2.0')
      .replace('10.0.0.1', '10.0.0.2')
      .replace('delete', 'put')
      .replace('/q', '/r')
    const made = await systems.addDescription({ client: provider, code: 'persons', document: before })
    const service = () => systems.view().servicesByKey.get(made.service)!
    const endpoint = (method: string, path: string) =>
      service().endpoints.find((one) => one.method === method && one.path === path)!.id
    await systems.updateService(made.service, { timeoutMs: 5000, url: 'http://10.0.0.9' })
    await systems.grantService(made.service, { type: 'GLOBALGROUP', id: 'all' })
    await systems.grantEndpoint(endpoint('GET', '/p'), { type: 'SUBSYSTEM', id: tax })
    await systems.grantEndpoint(endpoint('DELETE', '/p'), { type: 'SUBSYSTEM', id: tax })
    await systems.addEndpoint(made.service, 'PUT', '/p')
    await systems.addEndpoint(made.service, 'POST', '/by-hand')

    const { counter } = systems.view()
    const change = await systems.compareDocument(made.description, after)
    const { id } = service().service
    t.same(change, {
      document: { sha256: change.document.sha256, bytes: after.length },
      present: { sha256: change.present.sha256, isRead: true },
      facts: [
        { what: 'title', from: 'Persons', to: 'People' },
        { what: 'openapi', from: '3.0.0', to: '3.2.0' },
      ],
      services: {
        ...{ added: [], removed: [] },
        changed: [
          {
            ...{ service: id, what: 'address', url: 'http://10.0.0.9' },
            ...{ from: 'http://10.0.0.1/a', to: 'http://10.0.0.2/a' },
          },
        ],
      },
      endpoints: {
        added: [{ service: id, method: 'GET', path: '/r' }],
        removed: [
          { service: id, method: 'DELETE', path: '/p' },
          { service: id, method: 'GET', path: '/q' },
        ],
        takenOver: [{ service: id, method: 'PUT', path: '/p' }],
      },
      rightsLost: [{ service: id, method: 'DELETE', path: '/p', subjectType: 'SUBSYSTEM', subject: tax }],
      warnings: [],
    })
    t.equal(systems.view().counter, counter, 'nothing has changed yet')

    const refusal = new Fault('description_changed')
    await t.rejects(
      systems.replaceDocument(made.description, after, () => Promise.reject(refusal)),
      { code: 'description_changed' },
    )
    t.equal(systems.view().descriptions.get(made.description)?.document, before, 'who does not agree')
    await systems.poll()
    t.equal(systems.view().counter, counter, 'not even the counter')

    // Another node gives a right to what goes, after this one has read everything and before it applies.
    const other = await createLocalSystems({ database, clock: Date.now })
    const asked: DescriptionChange[] = []
    const gone = endpoint('GET', '/q')
    await other.grantEndpoint(gone, { type: 'GLOBALGROUP', id: 'late' })
    await systems.replaceDocument(made.description, after, async (now) => void asked.push(now))
    t.same(
      asked.map(({ rightsLost }) => rightsLost.map(({ subject }) => subject)),
      [[tax, 'late']],
      'asked about what is there now, and about nothing older',
    )
    t.match(service(), { service: { url: 'http://10.0.0.9', timeoutMs: 5000 } }, 'its settings stay')
    t.same(
      service().accessRights.map(({ subject }) => subject),
      ['all', tax],
    )
    t.same(
      service()
        .endpoints.filter(({ generated }) => generated)
        .map(({ method, path }) => `${method} ${path}`),
      ['GET /p', 'PUT /p', 'GET /r'],
    )
    const same = await systems.compareDocument(made.description, after)
    t.equal(same.document.sha256, same.present.sha256)
    const { updatedAt } = systems.view().descriptions.get(made.description)!
    await systems.replaceDocument(made.description, after, agree)
    t.equal(systems.view().descriptions.get(made.description)!.updatedAt, updatedAt, 'the same is not new')
  }),
)

t.test('a new WSDL: services come and go with their rights, and a setting is one for all', (t) =>
  eachDatabase(t, async (database, t) => {
    const systems = await open(database)
    const url = 'http://10.0.0.1/soap'
    const { description } = await systems.addWsdl({
      client: provider,
      document: wsdl(url, ['a', 'b/v1', 'c']),
    })
    const services = () => systems.view().descriptions.get(description)!.services
    const find = (code: string) => services().find(({ service }) => service.id.serviceCode === code)!
    await systems.grantService(find('a').key, { type: 'SUBSYSTEM', id: tax })
    await systems.grantService(find('b').key, { type: 'GLOBALGROUP', id: 'all' })
    await systems.updateService(
      find('a').key,
      { url: 'http://10.0.0.9/', timeoutMs: 7000, verifyTls: false },
      { toAll: ['timeoutMs', 'verifyTls'] },
    )
    t.same(
      services().map(({ service }) => [service.url, service.timeoutMs, service.verifyTls]),
      [
        ['http://10.0.0.9', 7000, false],
        [url, 7000, false],
        [url, 7000, false],
      ],
    )
    await t.rejects(systems.updateService(find('a').key, { timeoutMs: 1 }, { toAll: ['timeoutMs'] }), {
      code: 'invalid_input',
    })
    await systems.updateService(find('c').key, { url: 'http://10.0.0.8' }, { toAll: ['url'] })
    t.same(new Set(services().map(({ service }) => service.url)), new Set(['http://10.0.0.8']))

    const next = wsdl('http://10.0.0.2/soap', ['a', 'b/v2', 'd'])
    const change = await systems.compareDocument(description, next)
    t.match(change.services, {
      added: [
        { code: 'b/v2', url: 'http://10.0.0.2/soap' },
        { code: 'd', url: 'http://10.0.0.2/soap' },
      ],
      removed: [{ service: { serviceCode: 'b', serviceVersion: 'v1' } }, { service: { serviceCode: 'c' } }],
      changed: [{ service: { serviceCode: 'a' }, what: 'address', from: url, url: 'http://10.0.0.8' }],
    })
    t.match(change.rightsLost, [{ service: { serviceCode: 'b' }, subject: 'all' }])
    await systems.replaceDocument(description, next, agree)
    t.same(
      services().map(({ service }) => `${service.id.serviceCode} ${service.id.serviceVersion ?? '-'}`),
      ['a -', 'b v2', 'd -'],
    )
    t.match(find('a'), {
      service: { url: 'http://10.0.0.8', timeoutMs: 7000 },
      accessRights: [{ subject: tax }],
    })
    t.same(find('b').accessRights, [])

    await systems.addDescription({ client: provider, code: 'täken', url: 'http://10.0.0.5' })
    const wrong: [string, string][] = [
      [wsdl(url, ['a', 'täken']), 'conflict'],
      [wsdl('http://169.254.169.254/', ['a', 'new']), 'service_malformed_url'],
      ['<a/>', 'invalid_input'],
    ]
    for (const [text, code] of wrong) {
      await t.rejects(systems.compareDocument(description, text), { code }, 'found before anybody agrees')
    }
    await t.rejects(systems.compareDocument(999, next), { code: 'not_found' })
    t.equal(services().length, 3)
  }),
)

t.test('validation is on only while the document can be compiled', (t) =>
  eachDatabase(t, async (database, t) => {
    const systems = await open(database)
    const plain = await systems.addDescription({ client: provider, code: 'plain', url: 'http://10.0.0.1' })
    await t.rejects(systems.updateService(plain.service, { validate: 'ALL' }), { code: 'conflict' })
    await systems.updateService(plain.service, { validate: 'NONE' })
    const documentOf = (schema: object) =>
      JSON.stringify({
        ...{ openapi: '3.1.0', info: { title: 't', version: '1' }, servers: [{ url: 'http://10.0.0.1' }] },
        paths: { '/a': { get: { parameters: [{ name: 'id', in: 'query', schema }], responses: {} } } },
      })
    const broken = documentOf({ $ref: 'https://example.org/x.json' })
    const made = await systems.addDescription({ client: provider, code: 'api', document: broken })
    const validate = () => systems.view().servicesByKey.get(made.service)!.service.validate
    t.equal(validate(), 'NONE', 'at first')
    const refused = { code: 'invalid_input', what: /parameters\/0\/schema refers to https:\/\/example.org/ }
    await t.rejects(systems.updateService(made.service, { validate: 'REQUESTS' }), refused)
    t.equal(validate(), 'NONE')
    await systems.replaceDocument(made.description, documentOf({ type: 'string' }), agree)
    await systems.updateService(made.service, { validate: 'REQUESTS' })
    t.equal(validate(), 'REQUESTS')
    await t.rejects(systems.compareDocument(made.description, broken), refused)
    await t.rejects(systems.replaceDocument(made.description, broken, agree), refused)
    await systems.updateService(made.service, { validate: 'NONE' })
    await systems.replaceDocument(made.description, broken, agree)
    t.equal(validate(), 'NONE')
  }),
)
