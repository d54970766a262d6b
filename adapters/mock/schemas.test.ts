/** Data made by schemas that a test makes up, and descriptions that would harm the mock. */
import fc from 'fast-check'
import t from 'tap'
import { openMock } from './open-mock.ts'

const json = (schema: object) => ({ content: { 'application/json': { schema } } })

t.test('whatever a schema says, what is made of it is as it says', async (t) => {
  const leaf = fc.oneof(
    fc.record(
      {
        type: fc.constant('string'),
        minLength: fc.nat(5),
        maxLength: fc.integer({ min: 5, max: 30 }),
      },
      { requiredKeys: ['type'] },
    ),
    fc.constantFrom(
      ...[
        ...[
          'date',
          'date-time',
          'time',
          'uuid',
          'email',
          'uri',
          'ipv4',
          'ipv6',
          'hostname',
          'duration',
          'byte',
          'regex',
        ],
        ...['uri-reference', 'uri-template', 'json-pointer', 'relative-json-pointer'],
      ].map((format) => ({ type: 'string', format })),
      ...[
        '^[A-Z]{2}-\\d{3,5}$',
        '^(?:EE|LV|LT)[1-6]\\d{10}$',
        '[^a-z\\s]+\\.(xml|json)',
        '^\\p{Lu}\\w*$',
        'x|yy|zzz',
        '\\x41\\u0042',
      ].map((pattern) => ({ type: 'string', pattern })),
      { const: { a: [1] } },
      { enum: ['a', 1, null] },
      { type: 'boolean' },
      { type: ['null', 'integer'] },
      {},
      true,
    ),
    fc.record(
      {
        type: fc.constantFrom('integer', 'number'),
        minimum: fc.integer({ min: -50, max: 0 }),
        exclusiveMaximum: fc.integer({ min: 10, max: 1e6 }),
        multipleOf: fc.constantFrom(1, 2, 5),
      },
      { requiredKeys: ['type'] },
    ),
  )
  const { schema } = fc.letrec<{ schema: unknown }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.record(
        {
          type: fc.constant('array'),
          items: tie('schema'),
          minItems: fc.nat(3),
          maxItems: fc.integer({ min: 3, max: 9 }),
        },
        { requiredKeys: ['type'] },
      ),
      fc.record({
        type: fc.constant('object'),
        properties: fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'c d'), tie('schema'), {
          maxKeys: 3,
        }),
        required: fc.subarray(['a', 'e']),
        minProperties: fc.nat(3),
      }),
      fc.record({ oneOf: fc.tuple(tie('schema')) }),
      fc.record({ allOf: fc.tuple(tie('schema'), fc.constant({ description: 'more' })) }),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    ),
  }))
  // Many schemas in one document: to compile one by one would cost a thread each.
  const all = fc.sample(schema, { numRuns: 400, seed: 14 })
  const paths = Object.fromEntries(
    all.map((one, index) => [
      `/${index}`,
      { get: { responses: { '200': { description: '', ...json(one as object) } } } },
    ]),
  )
  const mock = await openMock(JSON.stringify({ openapi: '3.1.0', info: {}, paths }))
  t.teardown(() => mock.close())
  const failed: unknown[] = []
  for (const [index, one] of all.entries()) {
    const request = { method: 'GET', path: `/${index}`, query: undefined, headers: [], body: undefined }
    await mock.answer(request).catch((thrown: Error) => failed.push([thrown.message, one]))
  }
  t.strictSame(failed, [])
})

t.test('descriptions that would harm', async (t) => {
  const with200 = (schema: unknown, more: object = {}) => ({
    openapi: '3.1.0',
    info: {},
    paths: { '/a': { get: { responses: { '200': { description: '', ...json(schema as object) } } } } },
    ...more,
  })
  const question = { method: 'GET', path: '/a', query: undefined, headers: [], body: undefined }

  t.test('are refused at the start', async (t) => {
    const loop = {
      components: {
        schemas: { a: { $ref: '#/components/schemas/b' }, b: { $ref: '#/components/schemas/a' } },
      },
    }
    const refused: [string, object | string, RegExp][] = [
      ['a circle', with200({ $ref: '#/components/schemas/a' }, loop), /without end/],
      ['another host', with200({ $ref: 'https://example.org/a.json' }), /only a place of the same document/],
      ['a file', with200({ $ref: 'file:///etc/passwd' }), /only a place of the same document/],
      ['nowhere', with200({ $ref: '#/components/schemas/none' }), /which is not in the document/],
      ['Swagger', '{"swagger":"2.0"}', /Swagger 2.0/],
      ['no document', 'a: [', /YAML|line/],
      [
        'aliases',
        `a: &a [1,1,1,1,1,1,1,1]\n${'bcdefgh'
          .split('')
          .map((name, i) => `${name}: &${name} [${Array(8).fill(`*${'abcdefg'[i]}`).join(',')}]`)
          .join('\n')}`,
        /./,
      ],
      ['itself', 'openapi: 3.1.0\ninfo: {}\npaths: {}\nx: &x [*x]\n', /contains itself|./],
    ]
    for (const [name, document, what] of refused)
      await t.rejects(
        openMock(typeof document === 'string' ? document : JSON.stringify(document)),
        { code: 'invalid_configuration', what },
        name,
      )
  })

  t.test('fail one request, and no other', async (t) => {
    const endless = { type: 'object', required: ['a'], properties: { a: { $ref: '#/components/schemas/e' } } }
    const itself = {
      type: 'object',
      properties: Object.fromEntries(
        Array.from({ length: 30 }, (_, i) => [`p${i}`, { $ref: '#/components/schemas/w' }]),
      ),
    }
    const many: Record<string, unknown> = {
      'many items': { type: 'array', minItems: 1e9 },
      'long texts': { type: 'string', minLength: 1e9 },
      'many properties': { type: 'object', minProperties: 1e9 },
      'long patterns': { type: 'string', pattern: '^((a{9000}){9000}){9000}$' },
      'empty loops': { type: 'string', pattern: '^(?:(?:){999999}){999999}$' },
      'many long texts': { type: 'array', minItems: 100, items: { type: 'string', minLength: 100_000 } },
      'no end': { $ref: '#/components/schemas/e' },
      nothing: { type: 'object', required: ['a'], properties: { a: false } },
      'no number': { type: 'integer', minimum: 1, maximum: 0 },
      'look-ahead': { type: 'string', pattern: '^(?=a)b$' },
      'unlike items': { type: 'array', minItems: 5, uniqueItems: true, items: { type: 'boolean' } },
      'no value': { type: 'string', not: {} },
    }
    const paths = Object.entries({
      ...many,
      wide: { $ref: '#/components/schemas/w' },
      a: { type: 'boolean' },
    }).map(([name, one]) => [
      `/${name}`,
      { get: { responses: { '200': { description: '', ...json(one as object) } } } },
    ])
    const text = JSON.stringify({
      ...with200({}),
      paths: Object.fromEntries(paths),
      components: { schemas: { e: endless, w: itself } },
    })
    const mock = await openMock(text)
    t.teardown(() => mock.close())
    for (const name of Object.keys(many))
      await t.rejects(mock.answer({ ...question, path: `/${name}` }), { code: 'answer_not_makeable' }, name)
    const wide = await mock.answer({ ...question, path: '/wide' })
    t.ok(
      wide.body!.length < 4 * 1024 * 1024,
      'a schema that is wide in itself gets a part of what it could have',
    )
    t.match(await mock.answer(question), { status: 200 })
  })

  t.test('a pattern without end fails its own request, and the next one has a new thread', async (t) => {
    const slow = { name: 'q', in: 'query', schema: { type: 'string', pattern: '^(a+)+$' } }
    const document = with200({ type: 'boolean' }) as { paths: Record<string, { get: object }> }
    document.paths['/a']!.get = { ...document.paths['/a']!.get, parameters: [slow] }
    const mock = await openMock(JSON.stringify(document), { openMs: 30_000, answerMs: 2_000 })
    t.teardown(() => mock.close())
    const slowly = mock.answer({ ...question, query: `q=${'a'.repeat(60)}b` })
    const behind = mock.answer({ ...question, query: 'q=aa' })
    await t.rejects(slowly, { code: 'source_timeout' })
    t.match(await behind, { status: 200 })
  })
})
