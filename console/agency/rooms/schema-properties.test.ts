/**
 * The properties of an event type are read out of its schema, whatever it is: the page that shows them must
 * not fail for what somebody wrote.
 */
import t from 'tap'
import { propertiesOf } from './schema-properties.ts'

const PLAIN = {
  ...{ types: [], of: [], fitsNone: false, required: false },
  ...{ words: [], values: [], format: undefined },
}

t.test('properties, those inside others, members of lists, what is referred to and shared', (t) => {
  const { rows, isWhole } = propertiesOf({
    type: 'object',
    required: ['to', 'kind'],
    properties: {
      to: { type: 'string', title: 'Where to', description: 'The municipality', format: 'uri', minLength: 1 },
      kind: { enum: ['moved', 7, null] },
      address: { $ref: '#/$defs/an~1address' },
      children: {
        type: ['array', 'null'],
        items: { type: 'object', properties: { born: { type: 'string' } } },
      },
      any: true,
    },
    allOf: [{ required: ['shared'], properties: { shared: { type: 'boolean' } } }],
    $defs: {
      'an/address': { type: 'object', required: ['street'], properties: { street: { type: 'string' } } },
    },
  })
  t.strictSame(rows, [
    {
      ...{ ...PLAIN, name: 'to', types: ['string'], required: true },
      ...{ words: ['Where to', 'The municipality'], format: 'uri' },
    },
    { ...PLAIN, name: 'kind', required: true, values: ['moved', '7', 'null'] },
    { ...PLAIN, name: 'address', types: ['object'] },
    { ...PLAIN, name: 'address.street', types: ['string'], required: true },
    { ...PLAIN, name: 'children', types: ['array', 'null'], of: ['object'] },
    { ...PLAIN, name: 'children[].born', types: ['string'] },
    { ...PLAIN, name: 'any' },
    { ...PLAIN, name: 'shared', types: ['boolean'], required: true },
  ])
  t.ok(isWhole)
  t.end()
})

t.test('parts that hold together narrow one another', (t) => {
  const a = (...allOf: object[]): unknown => propertiesOf({ properties: { a: { allOf } } }).rows[0]
  for (const [parts, row] of [
    [[{ type: ['string', 'null'] }, { type: 'string' }], { types: ['string'] }],
    [[{ type: 'number' }, { type: 'integer' }], { types: ['integer'] }],
    [[{ type: ['number', 'string'] }, { type: ['integer', 'string'] }], { types: ['string', 'integer'] }],
    [[{ type: ['integer', 'number'] }], { types: ['number'] }],
    [[{ type: 'string' }, {}], { types: ['string'] }],
    [[{ type: 'string' }, { type: 'boolean' }], { types: [], fitsNone: true }],
    [[{ enum: ['a', 'b', 'c'] }, { enum: ['c', 'b', 'd'] }], { values: ['b', 'c'] }],
    [[{ enum: ['a', 'b'] }, { const: 'b' }], { values: ['b'] }],
    [[{ enum: [{ x: 1, y: [2] }, 7] }, { const: { y: [2], x: 1 } }], { values: ['{"x":1,"y":[2]}'] }],
    [[{ enum: ['a', null, 7, 7.5] }, { type: ['integer', 'null'] }], { values: ['null', '7'] }],
    [[{ enum: ['a'] }, { enum: ['b'] }], { values: [], fitsNone: true }],
    [[{ enum: ['a'] }, { type: 'integer' }], { values: [], fitsNone: true }],
  ] as const)
    t.match(a(...parts), { fitsNone: false, ...row }, JSON.stringify(parts))
  const of = { type: 'array', items: { allOf: [{ type: ['number', 'null'] }, { type: 'integer' }] } }
  t.match(propertiesOf({ properties: { a: of } }), { rows: [{ of: ['integer'] }], isWhole: true })
  for (const more of [
    { type: 'array', items: { allOf: [{ type: 'string' }, { type: 'null' }] } },
    { allOf: [{ format: 'date' }, { format: 'uri' }] },
  ])
    t.notOk(propertiesOf({ properties: { a: more } }).isWhole, JSON.stringify(more))
  t.notOk(propertiesOf({ allOf: [{ type: 'object' }, { type: 'array' }] }).isWhole)
  t.ok(propertiesOf({ allOf: [{ type: 'object' }, { type: ['object', 'null'] }] }).isWhole)
  t.end()
})

t.test('what is said of what many refer to stands once, and where nothing else is said', (t) => {
  const $ref = '#/$defs/place'
  const { rows } = propertiesOf({
    properties: {
      home: { $ref, title: 'Home' },
      work: { $ref, title: 'Work' },
      other: { $ref },
      both: { title: 'A place', allOf: [{ $ref }, { description: 'Of both' }] },
    },
    $defs: { place: { title: 'A place', description: 'By its street', type: 'string' } },
  })
  t.strictSame(
    rows.map(({ words }) => words),
    [['Home', 'A place', 'By its street'], ['Work'], ['A place', 'By its street'], ['A place', 'Of both']],
  )
  t.end()
})

t.test('what a list cannot say is left to the schema, and said', (t) => {
  for (const schema of [
    { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    { $ref: 'https://example.org/schema.json' },
    { $ref: '#/$defs/nowhere' },
    { properties: { a: { $ref: '#' } } },
    { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    manyTimes(['a', 'b', 'c', 'd', 'e', 'f']),
    { properties: Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`p${at}`, {}])) },
  ]) {
    const { rows, isWhole } = propertiesOf(schema)
    t.notOk(isWhole, JSON.stringify(schema).slice(0, 60))
    t.ok(rows.length <= 200)
  }
  t.end()
})

t.test('what a row has no place for is left to the schema as well', (t) => {
  const inner = { properties: { b: { type: 'string' } } }
  const list = { type: 'array', items: { type: 'string' } }
  for (const one of [
    { type: 'array', items: { type: 'array', items: inner } },
    { type: 'array', items: [inner] },
    { type: 'array', items: false },
    { items: { type: 'string' } },
    { type: 'array', items: { enum: ['a'] } },
    { type: 'array', items: { type: 'string', format: 'uri' } },
    { type: 'array', items: { title: 'A member' } },
    { ...list, prefixItems: [inner] },
    { ...list, contains: { const: 'a' } },
    { ...list, additionalItems: inner },
    { ...list, unevaluatedItems: inner },
    { dependencies: { b: ['c'] } },
    { additionalProperties: inner },
    { unevaluatedProperties: inner },
    { propertyNames: { maxLength: 3 } },
    { $dynamicRef: '#node' },
    { type: 'string', readOnly: true },
    { required: ['nowhere'] },
    { allOf: [false] },
    false,
  ]) {
    const { rows, isWhole } = propertiesOf({ properties: { a: one } })
    t.notOk(isWhole, JSON.stringify(one))
    t.match(rows, [{ name: 'a' }])
  }
  for (const root of [
    list,
    { items: inner },
    { type: ['object', 'null'], ...inner },
    { enum: ['a'] },
    { additionalProperties: inner },
  ])
    t.notOk(propertiesOf(root).isWhole, JSON.stringify(root))
  for (const one of [
    { ...list, minItems: 1, uniqueItems: true, default: [] },
    { type: 'array', items: true },
    { type: 'object', additionalProperties: false, unevaluatedProperties: false, ...inner },
    { $ref: '#/$defs/a', description: 'Its own', examples: ['a'] },
  ])
    t.ok(propertiesOf({ properties: { a: one }, $defs: { a: inner } }).isWhole, JSON.stringify(one))
  t.end()
})

t.test('a part that comes again and again is read once, and a reference followed once', (t) => {
  const asked = { properties: 0, parts: 0 }
  const part = {
    get properties() {
      asked.properties += 1
      return { a: { type: 'string' } }
    },
  }
  const schema = {
    ...{ allOf: Array.from({ length: 70 }, () => ({ $ref: '#/$defs/many' })) },
    get $defs() {
      asked.parts += 1
      return { many, part }
    },
  }
  const many = { allOf: Array.from({ length: 70 }, () => ({ $ref: '#/$defs/part' })) }
  t.strictSame(propertiesOf(schema), { rows: [{ ...PLAIN, name: 'a', types: ['string'] }], isWhole: true })
  t.strictSame(asked, { properties: 1, parts: 2 })
  t.end()
})

t.test('nothing that stands where something else is expected is an error', (t) => {
  for (const wrong of [null, true, 7, 'text', [], [null], { properties: null }])
    for (const key of ['properties', 'required', 'type', 'items', 'enum', '$ref', 'allOf', 'title'])
      t.doesNotThrow(() => propertiesOf({ [key]: wrong, properties: { a: { [key]: wrong } } }), key)
  t.strictSame(propertiesOf({ properties: { __proto__: { type: 'string' } } }).rows, [])
  t.strictSame(propertiesOf({ $ref: '#/constructor' }), { rows: [], isWhole: false })
  t.end()
})

/** Each part refers a hundred times to the next: a thousand billion in all. */
function manyTimes(names: string[]): object {
  const parts = names.map((name, at) => [
    name,
    { allOf: Array(100).fill({ $ref: `#/$defs/${names[at + 1]}` }) },
  ])
  return { $ref: '#/$defs/a', $defs: Object.fromEntries(parts) }
}
