/** The properties of an event type are read out of its schema, whatever it is: the page that shows them must not fail for what somebody wrote. */
import t from 'tap'
import { propertiesOf } from './schema-properties.ts'

const PLAIN = { types: [], of: [], required: false, words: [], values: [], format: undefined }

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
