/**
 * Targets meant to reach more than the mapping lets, settings that make no sense, and the document that is
 * published.
 */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Client } from 'undici'
import { emptyFolder, ownAddress, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { describeAdapter, readSettings } from '#adapters/kit/serve-adapter.ts'
import { secretFile, startSystem } from '#adapters/kit/system/system-fixture.ts'
import { summariseOpenApi } from '#security-server/local-systems/summarise-openapi.ts'
import { until } from '#test/until.ts'
import { httpAdapter } from './adapter.ts'
import { readOwnDocument } from './read-own-document.ts'

t.test('no target leads past the mapping', async (t) => {
  const { url, seen } = await startSystem(t, (app) => void app.all('/*', async ({ url }) => ({ url })))
  const { url: adapter } = await startAdapter(t, httpAdapter, {
    settings: {
      system: { url: `${url}/inner` },
      paths: [
        { path: '/persons/{code}', methods: ['GET'], to: '/people/{code}' },
        { path: '/files/*', methods: ['GET'], to: '/documents/*', anyQuery: true },
      ],
    },
  })
  const client = new Client(adapter)
  t.teardown(() => client.destroy())
  const statusOf = async (target: string): Promise<number> => {
    const { statusCode, body } = await client.request({ method: 'GET', path: target })
    await body.dump()
    return statusCode
  }
  const bad = [
    ...[
      '..',
      '.',
      '%2e%2e',
      '%2E.',
      '..;',
      '..;a=b',
      '.;/x',
      ';',
      '..%2fadmin',
      '%2f',
      'a%5Cb',
      '..%5cadmin',
    ],
    ...[
      'a%00',
      '%0d%0aHost:x',
      '%252e%252e',
      '%25252e%25252e',
      'a%252fb',
      '%2525252525',
      '%',
      '%zz',
      '%c0%ae%c0%ae',
    ],
    ...['%ff', 'a%23b', '..%3bx'],
  ]
  for (const segment of bad)
    for (const target of [
      `/persons/${segment}`,
      `/files/${segment}`,
      `/files/a/${segment}/b`,
      `/files/a/${segment}`,
    ])
      t.ok([400, 404].includes(await statusOf(target)), target)
  for (const target of [
    '//persons/1',
    '/persons//1',
    '/files//a',
    '/files/a//b',
    '/files/a/',
    '/./persons/1',
    '/files/a?b#c',
  ])
    t.ok([400, 404].includes(await statusOf(target)), target)
  t.equal(await statusOf(`/persons/${'x'.repeat(5000)}`), 400, 'longer than any parameter')
  t.equal(seen.length, 0, 'the system saw none of them')
  for (const [target, at] of [
    ['/persons/50%25', '/inner/people/50%25'],
    ['/persons/a.b~c;v=1', '/inner/people/a.b~c;v=1'],
    ['/pers%6fns/1', '/inner/people/1'],
    ['/files/.../x?a=../..', '/inner/documents/.../x?a=../..'],
  ] as const) {
    t.equal(await statusOf(target), 200, target)
    t.equal(seen.at(-1)?.raw.url, at)
  }
  // What no client library sends.
  const { hostname, port } = new URL(adapter)
  const before = seen.length
  for (const line of [
    ...[`GET ${url}/inner/people/1 HTTP/1.1`, 'GET /files/a\\..\\b HTTP/1.1', 'GET /files/a#/../x HTTP/1.1'],
    ...['GET /files/ä HTTP/1.1', 'GET * HTTP/1.1', 'CONNECT inner:80 HTTP/1.1', 'TRACE /files/a HTTP/1.1'],
  ]) {
    const answered = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () =>
        socket.end(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`),
      )
      let text = ''
      socket.on('data', (data) => (text += data.toString()))
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
    })
    t.match(answered, /^(HTTP\/1\.1 4\d\d |$)/, line)
  }
  t.equal(seen.length, before)
})

const service = { code: 'c', title: 'Persons' }
const paths = [{ path: '/one', methods: ['GET'] }]
const system = { url: 'http://127.0.0.1:8080' }

function fileOf(t: Test, settings: object): string {
  const file = path.join(emptyFolder(t), 'adapter.yaml')
  writeFileSync(file, JSON.stringify({ listen: {}, service, system, paths, ...settings }))
  return file
}

t.test('settings that are wrong are told with their place', async (t) => {
  const authentication = { kind: 'oauth', secretFile: 's', tokenUrl: 'https://a/t', clientId: 'c' }
  const withPath = (more: object) => ({ paths: [{ path: '/a/{b}', methods: ['GET'], ...more }] })
  const wrong: [settings: object, what: RegExp][] = [
    [{ system: { url: 'http://inner.example' } }, /system.url must be https, or http to a loopback/],
    [{ system: { url: 'https://a:b@inner.example' } }, /system.url must match/],
    [{ system: { ...system, authorityFile: 'a' } }, /system.authorityFile is for https/],
    [
      { system: { ...system, authentication: { kind: 'oauth', secretFile: 's' } } },
      /tokenUrl is needed for oauth/,
    ],
    [
      { system: { ...system, authentication: { ...authentication, tokenUrl: 'http://a/t' } } },
      /authentication.tokenUrl must be https/,
    ],
    [{ system: { ...system, authentication: { ...authentication, user: 'u' } } }, /user is not for oauth/],
    [
      { system: { ...system, authentication: { kind: 'basic', user: 'a:b', secretFile: 's' } } },
      /user must match/,
    ],
    [
      { system: { ...system, authentication: { kind: 'header', header: 'Host', secretFile: 's' } } },
      /authentication.header belongs to one connection/,
    ],
    [{ headers: { request: ['Host'] } }, /headers.request.0 names Host, which belongs to one connection/],
    [{ headers: { set: { 'Content-Length': '1' } } }, /headers.set.Content-Length names/],
    [
      { headers: { request: ['Authorization'] }, system: { ...system, authentication } },
      /which system.authentication sets/,
    ],
    [{ headers: { answer: ['X-Road-Id'] } }, /the security server's own/],
    [{ headers: { set: { 'X-A': '{client.name}' } } }, /headers.set.X-A names \{client.name\}/],
    [{ headers: { set: { 'X-A': '{x-road-id' } } }, /a brace without its other/],
    [{ headers: { set: { 'X-A': 'a\nb' } } }, /headers.set.X-A must match/],
    [withPath({ to: '/{c}' }), /paths.0.to names c, which is no part/],
    [withPath({ to: '/{b}/*' }), /paths.0.to must end with/],
    [withPath({ path: '/{b}/{b}' }), /names a part twice/],
    [withPath({ to: '/../{b}' }), /paths.0.to has a dot segment/],
    [withPath({ path: '/openapi.json' }), /that of the description/],
    [withPath({ methods: ['TRACE'] }), /methods.0 must be equal to one of/],
    [
      { paths: [...paths, ...withPath({}).paths, ...withPath({ path: '/a/{c}' }).paths] },
      /paths.2.path has GET in the path 2 too/,
    ],
    [{ description: { file: 'a', url: '/b' } }, /description.url is one place/],
    [{ limits: { answerMs: 1000, wholeMs: 500 } }, /limits.answerMs is above/],
  ]
  for (const [settings, what] of wrong) {
    const thrown = await readSettings(httpAdapter, fileOf(t, settings), {}).catch((one: unknown) => one)
    t.match(thrown, { code: 'invalid_configuration', what }, what.source)
  }
})

const OWN = {
  openapi: '3.0.3',
  info: { title: 'Inner', version: '9', description: 'INNER' },
  servers: [{ url: 'https://INNER.example' }],
  security: [{ key: [] }],
  tags: [{ name: 'INNER' }],
  paths: {
    '/people/{personId}': {
      servers: [{ url: 'https://INNER.example' }],
      parameters: [{ $ref: '#/components/parameters/Id' }],
      get: {
        operationId: 'getPerson',
        security: [{ key: [] }],
        'x-inner': 'INNER',
        parameters: [
          { name: 'full name', in: 'query', schema: { type: 'string' } },
          { name: 'debug', in: 'query', schema: { type: 'boolean', description: 'INNER' } },
          { name: 'X-Inner', in: 'header', schema: { type: 'string', description: 'INNER' } },
          { name: 'Accept-Language', in: 'header', schema: { type: 'string' } },
        ],
        responses: {
          '200': {
            description: 'ok',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Person' } } },
          },
        },
      },
      delete: { responses: { '204': { description: 'INNER' } } },
    },
    '/files/{folder}/{name}': { get: { responses: { '200': { description: 'ok' } } } },
    '/admin': { get: { responses: { '200': { description: 'INNER' } } } },
    '/wanted': { get: { parameters: [{ name: 'q', in: 'query', required: true }], responses: {} } },
  },
  components: {
    securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'INNER' } },
    parameters: { Id: { name: 'personId', in: 'path', required: true, schema: { type: 'string' } } },
    schemas: {
      Person: {
        type: 'object',
        properties: {
          next: { $ref: '#/components/schemas/Person' },
          of: { $ref: '#/components/schemas/Office' },
        },
      },
      Office: { type: 'object' },
      Secret: { type: 'object', description: 'INNER' },
    },
  },
}
const MAPPED = [
  { path: '/persons/{code}', methods: ['GET'], to: '/people/{code}', query: { name: 'full name' } },
  { path: '/documents/*', methods: ['GET'], to: '/files/*' },
]

t.test("the system's own document is published narrowed to the mapping", async (t) => {
  const folder = emptyFolder(t)
  writeFileSync(path.join(folder, 'own.json'), JSON.stringify(OWN))
  const describe = async (settings: object): Promise<Record<string, unknown>> => {
    const file = fileOf(t, { description: { file: path.join(folder, 'own.json') }, ...settings })
    return (await describeAdapter(httpAdapter, await readSettings(httpAdapter, file, {}))) as Record<
      string,
      unknown
    >
  }
  const document = await describe({ paths: MAPPED })
  t.notMatch(JSON.stringify(document), /INNER|securitySchemes|x-inner/)
  t.match(document, {
    openapi: '3.0.3',
    info: { title: 'Persons' },
    servers: [{ url: 'http://127.0.0.1:9443' }],
    paths: {
      '/persons/{personId}': { get: { operationId: 'getPerson', responses: { '200': {}, '503': {} } } },
      '/documents/{folder}/{name}': { get: {} },
    },
  })
  const get = (
    document['paths'] as typeof OWN.paths & Record<string, { get: { parameters: { name: string }[] } }>
  )['/persons/{personId}']!.get
  t.strictSame(
    get.parameters.map(({ name }) => name),
    ['personId', 'name', 'Accept-Language'],
  )
  const { schemas } = document['components'] as { schemas: object }
  t.strictSame(Object.keys(schemas).sort(), ['Fault', 'Office', 'Person'])
  const { endpoints, warnings } = summariseOpenApi(JSON.stringify(document))
  t.strictSame(endpoints, [
    { method: 'GET', path: '/persons/*' },
    { method: 'GET', path: '/documents/*/*' },
  ])
  t.strictSame(warnings, [])
  const missing = [{ path: '/persons/{code}', methods: ['POST'], to: '/people/{code}' }]
  await t.rejects(describe({ paths: missing }), {
    code: 'invalid_configuration',
    what: /paths.0 .*has no POST for it/,
  })
  await t.rejects(describe({ paths: [{ path: '/wanted', methods: ['GET'] }] }), {
    code: 'invalid_configuration',
    what: /query parameter q, which does not pass/,
  })
  for (const [text, what] of [
    ['openapi: 3.1.0\npaths: &a { "/one": *a }', /neither JSON nor YAML/],
    ['swagger: "2.0"\npaths: {}', /no OpenAPI document/],
    ['{"openapi":"3.1.0","paths":{"/one":{"$ref":"#/paths/~1one"}}}', /refers to/],
    [`${'['.repeat(100_000)}`, /neither JSON nor YAML/],
    ['\u00ff', /no OpenAPI document|neither/],
    ['x'.repeat(3 * 1024 * 1024), /is larger than/],
  ] as const) {
    const file = path.join(folder, 'bad')
    writeFileSync(file, text)
    await t.rejects(describe({ description: { file } }), { code: 'invalid_configuration', what }, what.source)
  }
})

t.test('a document that would take its reader for ever is given up, and holds nobody up', async (t) => {
  const file = path.join(emptyFolder(t), 'own.yaml')
  const keys = Array.from({ length: 30_000 }, (_, i) => `  "/${i}": {}`)
  writeFileSync(file, `openapi: 3.1.0\npaths:\n${keys.join('\n')}\n`)
  const settings = await readSettings(httpAdapter, fileOf(t, { paths: MAPPED, description: { file } }), {})
  let turns = 0
  const others = setInterval(() => turns++, 1)
  t.teardown(() => clearInterval(others))
  await t.rejects(readOwnDocument(settings, { timeMs: 500, oldGenerationMb: 512 }), {
    code: 'invalid_configuration',
    what: /own\.yaml: reading it took longer than/,
  })
  t.ok(turns > 1, 'others had their turn meanwhile')
})

t.test('a document of the mapping alone', async (t) => {
  const settings = await readSettings(
    httpAdapter,
    fileOf(t, { paths: [...MAPPED, { path: '/act', methods: ['POST'], summary: 'Acts' }] }),
    {},
  )
  const document = await describeAdapter(httpAdapter, settings)
  const { endpoints } = summariseOpenApi(JSON.stringify(document))
  t.strictSame(endpoints, [
    { method: 'GET', path: '/persons/*' },
    { method: 'GET', path: '/documents/*' },
    { method: 'POST', path: '/act' },
  ])
  t.match(document, {
    paths: { '/act': { post: { summary: 'Acts', requestBody: { content: { '*/*': {} } } } } },
  })
})

t.test(
  'a document that the system gives, with the key of the adapter, also when it was away at the start',
  async (t) => {
    const address = ownAddress()
    const url = `http://${address}:8080`
    const key = secretFile(emptyFolder(t), 'key', 'KEY')
    const { ask, lines } = await startAdapter(t, httpAdapter, {
      settings: {
        system: { url, authentication: { kind: 'header', header: 'x-key', secretFile: key } },
        description: { url: '/own.json' },
        paths: MAPPED,
      },
    })
    t.match(await ask('/openapi.json'), { status: 503, headers: { 'retry-after': '5' } })
    t.match(lines.join(''), /the system is away/)
    const { seen } = await startSystem(t, (app) => void app.get('/own.json', async () => OWN), {
      address,
      port: 8080,
    })
    const found = await until('the document', async (saw) => {
      const reply = await ask('/openapi.json')
      return saw(reply.status) === 200 && reply
    })
    t.match(found.body, { paths: { '/persons/{personId}': {} } })
    await ask('/openapi.json')
    t.strictSame(
      seen.map(({ headers }) => headers['x-key']),
      ['KEY'],
      'asked once, with the key',
    )
    const bad = await startSystem(t, (app) => {
      app.get('/none.json', async (_request, reply) => reply.code(404).send())
      app.get('/large.json', async () => 'x'.repeat(3 * 1024 * 1024))
      app.get('/text.json', async () => 'x')
    })
    for (const [at, what] of [
      ['/none.json', /answered 404/],
      ['/large.json', /of at most/],
      ['/text.json', /no OpenAPI/],
    ] as const) {
      const file = fileOf(t, { system: { url: bad.url }, description: { url: at } })
      const settings = await readSettings(httpAdapter, file, {})
      await t.rejects(describeAdapter(httpAdapter, settings), { code: 'invalid_configuration', what })
    }
  },
)
