/**
 * A mock in the test's own process, asked as a security server asks a service, and as a system asks its own
 * security server.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { envelope } from '#test/fakes/soap-service.ts'
import { startMock } from './mock-fixture.ts'
import { readOptions } from './options.ts'
import { MOCK_HEADER } from './question.ts'
import { serveMock } from './serve-mock.ts'

const SERVICE = 'DEV/GOV/1001/population/persons'
const CLIENT = { 'x-road-client': 'DEV/GOV/1002/tax', 'x-road-id': 'a-1' }

const person = {
  type: 'object',
  required: ['code', 'born'],
  additionalProperties: false,
  properties: {
    code: { type: 'string', pattern: '^P\\d{8}$' },
    born: { type: 'string', format: 'date' },
    name: { type: 'string', minLength: 1, maxLength: 10 },
    height: { type: 'number', minimum: 0.5, exclusiveMaximum: 2.5 },
    children: { type: 'array', items: { $ref: '#/components/schemas/person' }, maxItems: 3 },
    secret: { type: 'string', writeOnly: true },
    state: { enum: ['alive', 'dead'] },
  },
}

const json = (schema: object, more: object = {}) => ({ content: { 'application/json': { schema, ...more } } })

const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Persons', version: '1' },
  paths: {
    '/persons/{code}': {
      parameters: [{ name: 'code', in: 'path', required: true, schema: { type: 'string', pattern: '^P' } }],
      get: {
        parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer' } }],
        responses: {
          '200': { description: 'ok', ...json({ $ref: '#/components/schemas/person' }) },
          '404': {
            description: 'none',
            ...json(
              { type: 'object' },
              {
                examples: {
                  unknown: { value: { why: 'unknown' } },
                  secret: { $ref: '#/components/examples/secret' },
                  nobody: { value: null },
                },
              },
            ),
          },
        },
      },
      delete: { responses: { '204': { description: 'gone' } } },
    },
    '/persons': {
      post: {
        requestBody: { required: true, ...json({ $ref: '#/components/schemas/person' }) },
        responses: {
          '201': { description: 'made', ...json({ type: 'integer' }, { example: 'no number' }) },
          default: {
            description: 'else',
            content: { 'text/plain': { schema: { type: 'string', maxLength: 5 } } },
          },
        },
      },
    },
  },
  components: { schemas: { person }, examples: { secret: { value: { why: 'secret' } } } },
}

t.test('a described service', async (t) => {
  const { ask, lines } = await startMock(t, DOCUMENT)

  t.test('data is made from the schema, the same for the same question', async (t) => {
    const first = await ask('GET', '/persons/P00000007')
    t.match(first, { status: 200, headers: { [MOCK_HEADER]: 'made', 'content-type': 'application/json' } })
    t.match(first.body, { code: /^P\d{8}$/, born: /^20\d\d-\d\d-\d\d$/, state: /^(alive|dead)$/ })
    t.notOk(Object.hasOwn(first.body!, 'secret'), 'what is only written is not in an answer')
    t.equal((await ask('GET', '/persons/P00000007')).text, first.text)
    const others = await Promise.all(['P1', 'P2', 'P3'].map((code) => ask('GET', `/persons/${code}`)))
    t.equal(new Set([first, ...others].map(({ text }) => text)).size, 4, 'another question, another answer')
  })

  t.test('a request chooses its answer', async (t) => {
    const prefer = (value: string) => ask('GET', '/persons/P1', { headers: { prefer: value } })
    t.match(await prefer('code=404'), {
      status: 404,
      body: { why: 'unknown' },
      headers: { [MOCK_HEADER]: 'example unknown', 'preference-applied': 'code=404' },
    })
    t.match(await prefer('code=404, example=secret'), { status: 404, body: { why: 'secret' } })
    t.match(await prefer('respond-async, code=404; x=1, example="secret"'), { body: { why: 'secret' } })
    t.match(await prefer('code=404, example=nobody'), { status: 404, text: 'null' })
    const made = await prefer('code=404, dynamic=true')
    t.match(made, { status: 404, headers: { [MOCK_HEADER]: 'made' } })
    for (const [value, what] of [
      ['code=500', /code=500: there are 200, 404/],
      ['code=404, example=other', /example=: there are unknown, secret/],
      ['code=nothing', /200 to 599/],
    ] as const) {
      const refused = await prefer(value)
      t.match(refused, { status: 400, body: { type: 'answer_not_described', message: what } }, value)
    }
    t.match(await ask('DELETE', '/persons/P1'), {
      status: 204,
      text: '',
      headers: { [MOCK_HEADER]: 'no content' },
    })
    const body = JSON.stringify({ code: 'P00000001', born: '2001-01-01' })
    const text = await ask('POST', '/persons', { body, headers: { prefer: 'code=503' } })
    t.match(text, { status: 503, headers: { 'content-type': 'text/plain; charset=utf-8' } })
    t.ok(text.text.length <= 5)
    const lie = await ask('POST', '/persons', { body })
    t.match(lie, { status: 201, headers: { [MOCK_HEADER]: 'example; not as described: body: type integer' } })
  })

  t.test('a request that is not as described is refused, with the place', async (t) => {
    const person = { code: 'P00000001', born: '2001-01-01' }
    const post = (body: unknown) => ask('POST', '/persons', { body: JSON.stringify(body) })
    const cases = [
      [ask('GET', '/persons/X'), /path code: pattern/],
      [ask('GET', '/persons/P1?limit=many'), /query limit: type integer/],
      [ask('GET', '/nothing'), /operation: none has this method and path/],
      [ask('PUT', '/persons/P1', { body: '{}' }), /operation: none has this method/],
      [ask('POST', '/persons'), /body: it is missing/],
      [post({ ...person, born: 'yesterday' }), /body \/born: format date/],
      [post({ ...person, more: 1 }), /body \/more: additionalProperties/],
      [ask('POST', '/persons', { body: '{"code":1,"code":2}' }), /twice/],
      [
        ask('POST', '/persons', { body: Buffer.alloc(9), headers: { 'content-encoding': 'gzip' } }),
        /content coding/,
      ],
      [ask('POST', '/persons', { body: '{}', headers: { 'content-encoding': 'rot13' } }), /content coding/],
    ] as const
    for (const [asked, message] of cases)
      t.match(
        await asked,
        { status: 400, headers: { [MOCK_HEADER]: 'fault' }, body: { type: 'not_as_described', message } },
        String(message),
      )
    t.match(await ask('GET', '/persons/%2e%2e/x'), { status: 400, body: { type: 'invalid_path' } })
  })

  t.test('a system asks it as its own security server', async (t) => {
    const asked = await ask('GET', `/r1/${SERVICE}/persons/P00000007`, { headers: CLIENT })
    t.match(asked, {
      status: 200,
      headers: { ...CLIENT, 'x-road-service': SERVICE, 'x-road-request-id': /./, [MOCK_HEADER]: 'made' },
    })
    t.equal(asked.headers['x-road-request-hash'], undefined, 'nothing was signed')
    t.equal(asked.text, (await ask('GET', '/persons/P00000007')).text)
    const described = await ask('GET', `/r1/DEV/GOV/1001/population/getOpenAPI?serviceCode=persons`, {
      headers: CLIENT,
    })
    t.match(described, { status: 200, text: /^openapi: 3\.1\.0/ })
    const type = (reply: { body: Record<string, unknown> | undefined }) => reply.body?.['type']
    t.equal(type(await ask('GET', `/r1/${SERVICE}/persons/P1`)), 'client.missing_header')
    t.equal(type(await ask('GET', '/r1/DEV/GOV', { headers: CLIENT })), 'client.invalid_request')
    const wrong = await ask('GET', `/r1/${SERVICE}/persons/X`, { headers: CLIENT })
    t.match(wrong, { status: 400, headers: { 'x-road-error': 'server.serverproxy.not_as_described' } })
    t.match(wrong.headers, { [MOCK_HEADER]: 'fault' })
  })

  t.test('the log has no address, parameter or value', async (t) => {
    await ask('GET', '/persons/P00000042')
    t.notMatch(lines.join(''), /P00000042|limit/)
    t.match(lines.join(''), /"status":200/)
  })
})

/** The WSDL of docs/examples with the types that it includes. */
function ownersWsdl(): string {
  const read = (name: string) =>
    readFileSync(path.join(import.meta.dirname, '../../docs/examples', name), 'utf8')
  const [, types = ''] = /<xs:schema[^>]*>([\s\S]*)<\/xs:schema>/.exec(read('owners.xsd')) ?? []
  return read('owners.wsdl').replace(
    '<xs:include schemaLocation="owners.xsd"/>',
    types.replaceAll('"t:', '"tns:'),
  )
}

t.test('a service that a WSDL describes', async (t) => {
  const { ask } = await startMock(t, ownersWsdl())
  const NAMESPACE = 'http://land.example/owners'
  const message = (element: string, header = '') =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:o="${NAMESPACE}">${header}<s:Body>${element}</s:Body></s:Envelope>`
  const post = (body: string, headers: Record<string, string> = {}) =>
    ask('POST', '/', { body, headers: { 'content-type': 'text/xml; charset=utf-8', ...headers } })
  const find = message(
    '<o:findOwners on="2026-01-01"><o:code>P00000007</o:code><o:use>forest</o:use></o:findOwners>',
  )

  t.test('the answer is made in the order of the schema, the same for the same question', async (t) => {
    const first = await post(find)
    t.match(first, {
      status: 200,
      headers: { [MOCK_HEADER]: 'made', 'content-type': 'text/xml; charset=utf-8' },
    })
    t.match(
      first.text,
      /<n0:findOwnersResponse xmlns:n0="http:\/\/land.example\/owners"[^>]*>.*<n0:found>\d+</,
    )
    t.match(first.text, /<n0:owner [^>]*checked="(true|false)">(<n0:code>.{9}<\/n0:code>)<n0:name>/)
    t.equal((await post(find)).text, first.text)
    t.match(await post(message('<o:forget><o:code>P00000007</o:code></o:forget>')), {
      text: /<n0:forgetResponse xmlns:n0="[^"]+">(true|false)</,
    })
    t.match(await ask('GET', '/?wsdl'), {
      status: 200,
      text: /definitions/,
      headers: { [MOCK_HEADER]: 'description' },
    })
  })

  t.test("X-Road's header comes back as it came, and is checked", async (t) => {
    const parties = { from: { client: 'DEV/GOV/1002/tax' }, to: { client: 'DEV/GOV/1001/land' } }
    const content = '<p:code>P00000007</p:code>'
    const asked = envelope({ ...parties, code: 'forget', id: 'a-1', content }).replace(
      'http://population.example',
      NAMESPACE,
    )
    const answered = await post(asked)
    t.match(answered.text, /<soapenv:Header[^>]*>[\s\S]*<xro:id>a-1<\/xro:id>[\s\S]*forgetResponse/)
    t.match(answered.headers, { [MOCK_HEADER]: 'made' })
    const fault = await post(asked.replace('<xro:id>a-1</xro:id>', ''))
    t.match(fault.text, /server\.serverproxy\.missing_header_field/)
    t.match(fault, { status: 200, headers: { [MOCK_HEADER]: 'fault' } })
  })

  t.test('what is not as described, and what would harm', async (t) => {
    const cases: [string, RegExp][] = [
      [message('<o:findOwners/>'), /not_as_described.*body \/findOwners: an element is missing/],
      [
        message('<o:findOwners><o:use>forest</o:use><o:code>P00000007</o:code></o:findOwners>'),
        /not expected here/,
      ],
      [message('<o:forget><o:code>1</o:code></o:forget>'), /facet minLength/],
      [message('<o:other/>'), /its element is of no operation/],
      [message(''), /missing_body/],
      ['{}', /invalid_soap/],
      [
        `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>${message('<o:forget><o:code>&b;</o:code></o:forget>')}`,
        /invalid_soap/,
      ],
    ]
    for (const [body, what] of cases) {
      const answered = await post(body)
      t.match(answered, { status: 200, headers: { [MOCK_HEADER]: 'fault' } }, String(what))
      t.match(answered.text.replaceAll('\n', ' '), what)
    }
    t.match(await post(find, { 'content-type': 'multipart/related; boundary=a' }), {
      text: /invalid_content_type/,
    })
    const bomb = `<!DOCTYPE a [<!ENTITY b "b">]>${ownersWsdl().replace(/^<\?xml[^>]*>/, '')}`
    await t.rejects(startMock(t, bomb), { code: 'invalid_configuration' })
    const remote = ownersWsdl().replace(
      '<xs:element name="findOwners">',
      '<xs:include schemaLocation="http://127.0.0.1:1/a.xsd"/>$&',
    )
    await t.rejects(
      startMock(t, remote),
      { code: 'invalid_configuration', what: /a\.xsd|schema/ },
      'nothing is fetched',
    )
  })

  t.test('a schema that no answer can be made by fails its own operation alone', async (t) => {
    const changed = ownersWsdl().replace(
      'name="found" type="xs:unsignedLong"',
      'name="found" type="xs:unsignedLong" minOccurs="5000" maxOccurs="5000"',
    )
    const { ask } = await startMock(t, changed)
    const post = (body: string) => ask('POST', '/', { body, headers: { 'content-type': 'text/xml' } })
    t.match(await post(find), { text: /answer_not_makeable/ })
    t.match(await post(message('<o:forget><o:code>P00000007</o:code></o:forget>')), {
      text: /forgetResponse/,
    })
  })
})

t.test('its command line', async (t) => {
  const wrong = (...args: string[]) =>
    t.throws(() => readOptions(args), { code: 'invalid_configuration' }, args.join(' '))
  wrong()
  wrong('--description')
  wrong('--description', 'a', '--listen', '0.0.0.0:80')
  wrong('--description', 'a', '--listen', '127.0.0.1')
  wrong('--description', 'a', '--listen', '127.0.0.1:70000')
  wrong('--description', 'a', '--key', 'k')
  wrong('--description', 'a', '--unknown')
  t.strictSame(readOptions(['--description', 'a', '--listen', '[::1]:81']).listen, {
    address: '::1',
    port: 81,
  })
  const log = createLog({ name: 'mock', level: 'silent' })
  await t.rejects(serveMock(readOptions(['--description', '/nonexistent']), log), {
    code: 'invalid_configuration',
  })
})
