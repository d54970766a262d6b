/**
 * Descriptions are compiled and messages held against them: OpenAPI of three versions, and what strangers
 * write.
 */
import fc from 'fast-check'
import t from 'tap'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { readJson } from '#core/openapi/read-json.ts'
import type { RestMessage } from '#core/openapi/rest-message.ts'
import { compileDescription } from './compile-description.ts'
import type { DescribedMessage } from './described-message.ts'
import { tryDescription } from './try-description.ts'

const JSON_TYPE: [string, string][] = [['Content-Type', 'application/json']]

type Asked = { method?: string; path?: string; query?: string; headers?: [string, string][]; body?: unknown }

function bytesOf(body: unknown): Uint8Array | undefined {
  if (body === undefined) return undefined
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

function request({ method = 'GET', path = '/persons', query, headers, body }: Asked = {}): RestMessage {
  return {
    ...{ protocol: 'REST', half: 'request', method, path, query },
    ...{ headers: headers ?? (body === undefined ? [] : JSON_TYPE), body: bytesOf(body) },
  }
}

function answer({ status = 200, ...q }: Asked & { status?: number }): RestMessage {
  const { method, path, headers, body } = request(q)
  return { protocol: 'REST', half: 'response', status, method, path, headers, body }
}

async function openApi(paths: object, schemas: object = {}, openapi = '3.1.0') {
  const document = { openapi, info: { title: 't', version: '1' }, paths, components: { schemas } }
  return compileDescription({ type: 'OPENAPI', text: JSON.stringify(document) })
}

/** What a violation says, in one text; 'fits' when there is none. */
async function said(
  compiled: Awaited<ReturnType<typeof compileDescription>>,
  message: DescribedMessage,
): Promise<string> {
  const violation = await compiled.judge(message)
  return violation === undefined ? 'fits' : `${violation.place}${violation.pointer}: ${violation.rule}`
}

const refused = (what: RegExp) => ({ code: 'invalid_input', what })

t.test('parameters by place, style and type', async (t) => {
  const parameters = [
    { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^P[0-9]+$' } },
    { name: 'limit', in: 'query', required: true, schema: { type: 'integer', maximum: 100 } },
    { name: 'tag', in: 'query', schema: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 2 } },
    { name: 'code', in: 'query', explode: false, schema: { type: 'array', items: { type: 'integer' } } },
    {
      name: 'pipe',
      in: 'query',
      style: 'pipeDelimited',
      explode: false,
      schema: { $ref: '#/components/schemas/Two' },
    },
    { name: 'exact', in: 'query', schema: { type: 'boolean' } },
    { name: 'filter', in: 'query', style: 'deepObject', required: true, schema: { type: 'object' } },
    {
      name: 'where',
      in: 'query',
      content: { 'application/json': { schema: { type: 'object', required: ['x'] } } },
    },
    { name: 'X-Mode', in: 'header', schema: { type: 'string', enum: ['fast', 'full'] } },
    { name: 'Authorization', in: 'header', required: true, schema: { type: 'boolean' } },
    { name: 'session', in: 'cookie', required: true, schema: { type: 'string' } },
  ]
  const described = await openApi(
    {
      '/persons/{id}': {
        parameters: [parameters[0]],
        get: { parameters: parameters.slice(1), responses: {} },
      },
    },
    { Two: { type: 'array', minItems: 2 } },
  )
  const whole = 'limit=5&filter[a]=1'
  for (const [q, expected] of [
    [{ query: whole }, 'fits'],
    [{ query: `${whole}&more=1`, headers: [['X-Other', '1']] }, 'fits'],
    [{ query: `${whole}&tag=a&tag=b&code=1,2&pipe=1%7C2&exact=true&where=%7B%22x%22%3A1%7D` }, 'fits'],
    [{ path: '/persons/38001010000', query: whole }, 'path id: pattern'],
    [{ path: '/persons/%50123', query: whole }, 'fits'],
    [{ path: '/persons/%FF', query: whole }, 'path id: an escape is not UTF-8'],
    [{ query: 'filter[a]=1' }, 'query limit: it is missing'],
    [{ query: 'limit=5' }, 'query filter: it is missing'],
    [{ query: 'filter[a]=1&limit=0x10' }, 'query limit: type integer'],
    [{ query: 'filter[a]=1&limit=' }, 'query limit: type integer'],
    [{ query: 'filter[a]=1&limit=+5' }, 'query limit: type integer'],
    [{ query: `${whole}&limit=7` }, 'query limit: it is there twice'],
    [{ query: 'filter[a]=1&limit=101' }, 'query limit: maximum 100'],
    [{ query: `${whole}&tag=a&tag=b&tag=a` }, 'query tag: maxItems 2'],
    [{ query: `${whole}&tag=c` }, 'query tag: enum'],
    [{ query: `${whole}&code=1,x` }, 'query code: type integer'],
    [{ query: `${whole}&pipe=1` }, 'query pipe: minItems 2'],
    [{ query: `${whole}&exact=yes` }, 'query exact: type boolean'],
    [{ query: `${whole}&where=%7B%7D` }, 'query where: required'],
    [{ query: `${whole}&where=%7B` }, 'query where: it is not JSON'],
    [{ query: whole, headers: [['x-mode', 'slow']] }, 'header X-Mode: enum'],
    [
      {
        query: whole,
        headers: [
          ['x-mode', 'fast'],
          ['X-Mode', 'fast'],
        ],
      },
      'header X-Mode: enum',
    ],
    [{ method: 'POST', query: whole }, 'operation: none has this method and path'],
    [{ path: '/persons', query: whole }, 'operation: none has this method and path'],
  ] as [Asked, string][]) {
    const got = await said(described, request({ path: '/persons/P7', ...q }))
    t.equal(got, expected, JSON.stringify(q))
  }
})

t.test('bodies by content type, answers by status', async (t) => {
  const person = {
    type: 'object',
    required: ['name', 'id', 'secret'],
    properties: {
      id: { type: 'integer', readOnly: true },
      secret: { $ref: '#/components/schemas/Secret' },
      name: { type: 'string', maxLength: 5 },
      born: { type: 'string', format: 'date' },
      amount: { type: 'number', format: 'money', multipleOf: 0.01 },
      children: { type: 'array', items: { $ref: '#/components/schemas/Person' } },
    },
    additionalProperties: false,
  }
  const of = (name: string) => ({ 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } })
  const described = await openApi(
    {
      '/persons': {
        post: {
          requestBody: {
            required: true,
            content: { ...of('Person'), 'text/csv; header=present': {}, 'image/*': {} },
          },
          responses: {
            200: { content: of('Person') },
            '4XX': { content: { 'application/problem+json': { schema: { required: ['title'] } } } },
            204: { description: 'gone', content: of('Person') },
          },
        },
        get: { responses: { default: { description: 'anything' } } },
      },
    },
    { Person: person, Secret: { type: 'string', writeOnly: true } },
  )
  const post = (q: Asked) => said(described, request({ method: 'POST', ...q }))
  const good = { name: 'A', secret: 's' }
  t.equal(await post({ body: good }), 'fits', 'what is only read is not wanted in a request')
  t.equal(
    await post({ body: { ...good, children: [good, { ...good, name: 'ABCDEF' }] } }),
    'body/children/*/name: maxLength 5',
  )
  t.equal(await post({ body: { ...good, 'a/b~': 1 } }), 'body/a~1b~0: additionalProperties')
  t.equal(await post({ body: { name: 'A' } }), 'body/secret: required')
  t.equal(await post({ body: { ...good, amount: 19.99 } }), 'fits')
  t.equal(await post({ body: { ...good, amount: 19.999 } }), 'body/amount: multipleOf')
  t.equal(await post({ body: { ...good, born: '1980-13-01' } }), 'body/born: format date')
  t.equal(
    await post({ body: '{"name":"A","secret":"s","name":"too long"}' }),
    'body: a name is twice in an object',
  )
  t.equal(
    await post({ body: '{"name":"A","secret":"s","n\\u0061me":"too long"}' }),
    'body: a name is twice in an object',
  )
  t.equal(await post({ body: '{"name":"A\\\\","secret":"s\\\\\\""}' }), 'fits')
  t.equal(await post({ body: '{"name"' }), 'body: it is not JSON in UTF-8')
  t.equal(await post({ body: `${'['.repeat(300)}${']'.repeat(300)}` }), 'body: it has more than 256 levels')
  t.equal(await post({}), 'body: it is missing')
  t.equal(await post({ body: 'a;b', headers: [['Content-Type', 'text/csv']] }), 'fits')
  t.equal(await post({ body: 'x', headers: [['Content-Type', 'image/png']] }), 'fits')
  t.equal(
    await post({ body: 'x', headers: [['Content-Type', 'text/html']] }),
    'content type: it is not described',
  )
  t.equal(await post({ body: 'x', headers: [] }), 'content type: it is not described')
  const utf16: [string, string][] = [['Content-Type', 'application/json; charset=utf-16']]
  t.equal(await post({ body: good, headers: utf16 }), 'content type: JSON is in UTF-8')
  t.equal(await said(described, request({ method: 'GET', body: good })), 'body: it is not described')

  const reply = (q: Asked & { status?: number }) => said(described, answer({ method: 'POST', ...q }))
  t.equal(
    await reply({ body: { name: 'A', id: 1 } }),
    'fits',
    'what is only written is not wanted in an answer',
  )
  t.equal(await reply({ body: good }), 'body/id: required')
  t.equal(await reply({}), 'body: it is missing')
  t.equal(await reply({ status: 204 }), 'fits')
  t.equal(await reply({ status: 201, body: good }), 'status 201: it is not described')
  const problem: [string, string][] = [['Content-Type', 'application/problem+json']]
  t.equal(await reply({ status: 404, headers: problem, body: { title: 'no' } }), 'fits')
  t.equal(await reply({ status: 404, headers: problem, body: {} }), 'body/title: required')
  t.equal(await reply({ status: 404, body: { title: 'no' } }), 'content type: it is not described')
  t.equal(await said(described, answer({ status: 500, body: 'anything', headers: [] })), 'fits', 'default')
})

t.test('what the versions of OpenAPI mean by the same words', async (t) => {
  const schemas = {
    Null: { type: 'string', nullable: true },
    Less: { type: 'integer', minimum: 5, exclusiveMinimum: true },
    Beside: { $ref: '#/components/schemas/Less', maximum: 7 },
  }
  const judged = async (version: string, name: string, value: unknown) => {
    const schema = { $ref: `#/components/schemas/${name}` }
    const operation = { requestBody: { content: { 'application/json': { schema } } }, responses: {} }
    const described = await openApi({ '/persons': { post: operation } }, schemas, version)
    return said(described, request({ method: 'POST', body: JSON.stringify(value) }))
  }
  t.equal(await judged('3.0.3', 'Null', null), 'fits')
  t.equal(await judged('3.0.3', 'Less', 5), 'body: exclusiveMinimum 5')
  t.equal(await judged('3.0.3', 'Beside', 9), 'fits', 'beside a reference nothing counts')
  t.equal(await judged('3.1.0', 'Null', null), 'body: type string')
  schemas.Less = { type: 'integer', minimum: 5 } as typeof schemas.Less
  t.equal(await judged('3.1.0', 'Beside', 9), 'body: maximum 7')
  t.equal(await judged('3.2.0', 'Beside', 6), 'fits')
  schemas.Less = { type: 'integer', exclusiveMinimum: true } as typeof schemas.Less
  await t.rejects(
    judged('3.1.0', 'Less', 9),
    refused(/#\/components\/schemas\/Less\/exclusiveMinimum is no schema/),
  )
})

t.test('the operation with the fewest templates, as written or escaped', async (t) => {
  const get = (name: string) => ({
    get: { parameters: [{ name, in: 'query', required: true }], responses: {} },
  })
  const described = await openApi({
    '/a/{id}': get('template'),
    '/a/b c': get('fixed'),
    '/a/{id}.{kind}': get('two'),
    '/{x}/{y}': get('all'),
    '/a/{id}/(.*)+': get('literal'),
  })
  for (const [path, name] of [
    ['/a/7', 'template'],
    ['/a/b%20c', 'fixed'],
    ['/b/b', 'all'],
    ['/a/7/(.*)+', 'literal'],
  ])
    t.equal(await said(described, request({ path: path! })), `query ${name}: it is missing`, `${path}`)
  t.match(await said(described, request({ path: '/a/7/xx' })), /^operation/)
})

t.test('OpenAPI documents that cannot be compiled', async (t) => {
  const body = (schema: unknown) => ({
    '/a': { post: { requestBody: { content: { 'application/json': { schema } } }, responses: {} } },
  })
  const loop = { $ref: '#/components/schemas/A' }
  for (const [what, paths, schemas, why] of [
    ['leaves the document', body({ $ref: 'https://example.org/x.json#/A' }), {}, /only a place of the same/],
    ['a file', body({ $ref: 'other.yaml' }), {}, /schema refers to other.yaml/],
    ['an anchor', body({ $ref: '#person' }), {}, /only a place of the same/],
    ['leads nowhere', body({ $ref: '#/components/schemas/B' }), {}, /not in the document/],
    ['itself', body(loop), { A: loop }, /without end/],
    [
      'two of each other',
      body(loop),
      { A: { allOf: [{ $ref: '#/components/schemas/B' }] }, B: { not: loop } },
      /without end/,
    ],
    ['another base', body({ $id: 'x', type: 'string' }), {}, /\$id/],
    ['no type', body({ type: 'strng' }), {}, /schema\/type is no schema/],
    ['no list', body({ allOf: { type: 'string' } }), {}, /allOf must be a list/],
    ['no schema', body(7), {}, /must be a schema/],
    ['a broken pattern', body({ pattern: '([' }), {}, /cannot be compiled: .*regular expression/i],
    [
      'a parameter without a name',
      { '/a': { parameters: [{ in: 'query' }], get: {} } },
      {},
      /parameters\/0 must have a name/,
    ],
    [
      'parameters in a circle',
      { '/a': { parameters: [{ $ref: '#/paths/~1a/parameters/0' }], get: {} } },
      {},
      /circle/,
    ],
    ['no status', { '/a': { get: { responses: { ok: {} } } } }, {}, /has ok, which is no status/],
    ['a path elsewhere', { '/a': { $ref: 'https://example.org/a.json' } }, {}, /only a place of the same/],
  ] as [string, object, object, RegExp][])
    await t.rejects(openApi(paths, schemas), refused(why), what)
  await t.resolves(
    openApi(body({ type: 'array', items: loop }), { A: { properties: { a: loop } } }),
    'a tree ends',
  )
  const odd = body({
    pattern: '^[\\w-.]+$',
    properties: { toString: { type: 'string' }, constructor: {} },
    required: ['toString'],
  })
  const described = await openApi(odd)
  t.equal(await said(described, request({ method: 'POST', path: '/a', body: {} })), 'body/toString: required')
  t.equal(
    await said(described, request({ method: 'POST', path: '/a', body: '{"__proto__":{"toString":"x"}}' })),
    'body/toString: required',
  )
})

t.test('10,000 schemas', async (t) => {
  const many = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, i) => [
      `S${i}`,
      { type: 'object', properties: { next: { $ref: `#/components/schemas/S${i + 1}` } } },
    ]),
  )
  many['S10000'] = { type: 'object', properties: {} } as (typeof many)[string]
  const document = {
    ...{ openapi: '3.0.0', info: { title: 't', version: '1' }, components: { schemas: many } },
    paths: {
      '/a': {
        post: {
          requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/S0' } } } },
          responses: {},
        },
      },
    },
  }
  const text = JSON.stringify(document)
  const [fits, wrong] = await tryDescription(
    {
      document: { type: 'OPENAPI', text },
      messages: [{ next: { next: {} } }, { next: { next: 7 } }].map((body) =>
        request({ method: 'POST', path: '/a', body }),
      ),
    },
    { timeMs: 120_000, oldGenerationMb: 512 },
  )
  t.equal(fits, undefined)
  t.match(wrong, { place: 'body', pointer: '/next/next', rule: 'type object' }, '10,000 schemas')
})

t.test('a name that is twice is found wherever it is, however it is written', async (t) => {
  const name = fc.constantFrom(
    '"a"',
    '"\\u0061"',
    '"b"',
    '"\\""',
    '"\\u0022"',
    '"{"',
    '"__proto__"',
    '"\\\\"',
    '":"',
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('1', 'null', '"a:b"', '"\\\\"', '[]', '{}'),
      tie('list'),
      tie('object'),
    ),
    list: fc.array(tie('value'), { maxLength: 4 }).map((all) => `[${all.join(' , ')}]`),
    object: fc
      .array(fc.tuple(name, tie('value')), { maxLength: 4 })
      .map((all) => `{${all.map((one) => one.join(' : ')).join()}}`),
  }))
  let doubled = 0
  fc.assert(
    fc.property(value as fc.Arbitrary<string>, (text) => {
      const read = readJson(Buffer.from(text))
      try {
        return JSON.stringify(read) === JSON.stringify({ value: parseStrictJson(text) })
      } catch {
        doubled++
        return 'wrong' in read
      }
    }),
    { numRuns: 500, seed: 20261129 },
  )
  t.ok(doubled > 50, `${doubled} of 500`)
})
