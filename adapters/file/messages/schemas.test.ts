/** Files held against the schema of their drop, and schemas and files that mean harm. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { BrokenFile, type LentFile } from '../read-file.ts'
import { openSchemas } from './hold-to-schema.ts'

const XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
const LIMITS = { compileMs: 60_000, judgeMs: 60_000 }

function lent(content: string | Buffer): LentFile {
  const bytes = Buffer.from(content)
  return {
    facts: { name: 'a', size: bytes.length, modified: new Date(0), version: '1' } as LentFile['facts'],
    async *chunks() {
      yield bytes
    },
    checkSame: async () => undefined,
  }
}

/** Writes these files; `check` says why a file is refused, or undefined. */
async function open(t: Test, files: Record<string, string>, limits = LIMITS) {
  const folder = emptyFolder(t)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), content)
  }
  const drops = Object.keys(files)
    .filter((name) => /^[a-z]+\.(xsd|json)$/.test(name))
    .map((name) => ({ name, schema: path.join(folder, name) }))
  const held = await openSchemas(drops, { documentBytes: 1_000_000 }, limits)
  t.teardown(held.close)
  return (content: string | Buffer, name = drops[0]!.name): Promise<string | undefined> =>
    held.check(lent(content), drops.find((one) => one.name === name)!).then(
      () => undefined,
      (thrown: unknown) => {
        if (thrown instanceof BrokenFile) return thrown.what + thrown.where
        throw thrown
      },
    )
}

const MAIN = `<xs:schema ${XS} xmlns:l="urn:land" xmlns:t="urn:types" targetNamespace="urn:land" elementFormDefault="qualified">
<xs:import namespace="urn:types" schemaLocation="types/codes.xsd"/><xs:include schemaLocation="./parcel.xsd"/>
<xs:element name="parcels"><xs:complexType><xs:sequence>
<xs:element name="parcel" type="l:Parcel" maxOccurs="unbounded"/></xs:sequence>
<xs:attribute name="of" type="t:Code" use="required"/></xs:complexType></xs:element></xs:schema>`
const PARCEL = `<xs:schema ${XS} elementFormDefault="qualified">
<xs:complexType name="Parcel"><xs:sequence><xs:element name="number" type="xs:string"/><xs:element name="area" type="xs:int"/></xs:sequence></xs:complexType></xs:schema>`
const CODES = `<xs:schema ${XS} targetNamespace="urn:types"><xs:include schemaLocation="../more.xsd"/></xs:schema>`
const MORE = `<xs:schema ${XS} targetNamespace="urn:types"><xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="P[0-9]+"/></xs:restriction></xs:simpleType></xs:schema>`
const XSD = { 'main.xsd': MAIN, 'parcel.xsd': PARCEL, 'types/codes.xsd': CODES, 'more.xsd': MORE }
const parcels = (inner: string, of = 'of="P1"'): string =>
  `<parcels xmlns="urn:land" ${of}>${inner}</parcels>`
const ONE = '<parcel><number>1</number><area>7</area></parcel>'

t.test('XML by an XML Schema and what lies beside it', async (t) => {
  const check = await open(t, XSD)
  t.equal(await check(parcels(ONE + ONE)), undefined)
  t.equal(await check(`\ufeff<?xml version="1.0" encoding="UTF-8"?>\n${parcels(ONE)}`), undefined)
  const bomb = Array.from({ length: 9 }, (_, at) => `<!ENTITY a${at + 1} "${`&a${at};`.repeat(10)}">`).join(
    '',
  )
  const secret = 'SECRET'
  for (const [content, why] of [
    [
      parcels(ONE + ONE.replace('<area>7</area>', '')),
      /^its file does not follow main\.xsd: an element is missing in it, at \/parcels\/parcel\[2\]$/,
    ],
    [parcels(ONE.replace('7', secret)), /: type xs:int, at \/parcels\/parcel\/area$/],
    [parcels(ONE, `of="${secret}"`), /: facet pattern, at \/parcels.*$/],
    [parcels(ONE, ''), /: a required attribute is missing, at \/parcels$/],
    [parcels(`${ONE}<more/>`), /it is not expected here, at /],
    [parcels(`${ONE}${secret}`), /characters are not allowed|not expected/],
    [`<other>${secret}</other>`, /main\.xsd/],
    [parcels(ONE).slice(0, -3), /it is not well-formed XML$/],
    ['', /main\.xsd: /],
    [Buffer.from(parcels(ONE), 'utf16le'), /it is not UTF-8$/],
    [`<?xml version="1.0" encoding="iso-8859-1"?>${parcels(ONE)}`, /its encoding is not UTF-8$/],
    [
      `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${parcels('&x;')}`,
      /document type|something else/,
    ],
    [`<!DOCTYPE a [<!ENTITY a0 "ha">${bomb}]>${parcels('&a9;')}`, /document type|something else/],
    [parcels('<a>'.repeat(100_000)), /deeper than 128/],
    [parcels(' '.repeat(1_000_000)), /larger than 1000000 bytes/],
  ] as const) {
    const found = await check(content)
    t.match(found, why)
    t.notMatch(found, secret, 'no value is told')
  }
  t.equal(await check(parcels(ONE)), undefined, 'and the next is taken')
})

t.test('JSON by a JSON Schema', async (t) => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...{ $id: 'https://land.example/parcels', type: 'array', items: { $ref: '#/$defs/parcel' } },
    $defs: {
      parcel: {
        ...{ type: 'object', required: ['number'], additionalProperties: false },
        properties: {
          number: { type: 'string', pattern: '^[0-9]+$' },
          area: { type: 'number', maximum: 10 },
        },
      },
    },
  }
  const check = await open(t, { 'parcels.json': JSON.stringify(schema) })
  t.equal(await check('[{"number": "1", "area": 1.5}]'), undefined)
  for (const [content, why] of [
    ['[{"number": "1"}, {"area": 1}]', /^its file does not follow parcels\.json: required, at \/1\/number$/],
    ['[{"number": "SECRET"}]', /: pattern, at \/0\/number$/],
    ['[{"number": "1", "area": 11}]', /: maximum 10, at \/0\/area$/],
    ['[{"number": "1", "a\\n\\u202eb": 11}]', /: additionalProperties, at \/0\/a\?\?b$/],
    ['{}', /parcels\.json: type array$/],
    ['[{"number": "1", "number": "2"}]', /a name is twice in an object$/],
    ['[', /it is not JSON in UTF-8$/],
    [Buffer.from('["ä"]', 'latin1'), /it is not JSON in UTF-8$/],
    ['['.repeat(100_000) + ']'.repeat(100_000), /parcels\.json: /],
  ] as const)
    t.match(await check(content), why)
  t.equal(await check('[]'), undefined)
  const tree = await open(t, { 'tree.json': '{"type":"object","additionalProperties":{"$ref":"#"}}' })
  t.equal(await tree('{"a":{"b":{}}}'), undefined, 'a schema may refer to itself')
  t.match(await tree('{"a":{"b":1}}'), /: type object, at \/a\/b$/)
  const marked = { required: ['a', 'b'], properties: { a: { readOnly: true }, b: { writeOnly: true } } }
  const both = await open(t, { 'marked.json': JSON.stringify(marked) })
  t.match(await both('{"b":1}'), /: required, at \/a$/, 'readOnly only describes')
  t.match(await both('{"a":1}'), /: required, at \/b$/)
})

t.test('a file that takes for ever is refused by itself, and others go on', async (t) => {
  const slow = JSON.stringify({ type: 'string', pattern: '^(a|a)*$' })
  const check = await open(
    t,
    { 'slow.json': slow, 'other.json': '{"type":"number"}' },
    { ...LIMITS, judgeMs: 1000 },
  )
  const [slowly, other] = await Promise.all([
    check(JSON.stringify(`${'a'.repeat(60)}b`), 'slow.json'),
    check('1', 'other.json'),
  ])
  t.match(slowly, /slow\.json: it took longer than 1000 ms/)
  t.equal(other, undefined)
  t.equal(await check('"aaa"', 'slow.json'), undefined)
})

t.test('an XML file that is wrong everywhere is told as slow, and why that may be', async (t) => {
  const rows = `<xs:schema ${XS}><xs:element name="rows"><xs:complexType><xs:sequence><xs:element name="r" type="xs:int" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element></xs:schema>`
  const check = await open(t, { 'rows.xsd': rows }, { ...LIMITS, judgeMs: 300 })
  t.match(
    await check(`<rows>${'<r>x</r>'.repeat(100_000)}</rows>`),
    /rows\.xsd: it took longer than 300 ms; that can also be because it breaks the schema in very many places$/,
  )
})

t.test('a file on which the library gives up is refused, and is no failure of the adapter', async (t) => {
  const code = '<xs:restriction base="xs:string"><xs:pattern value="(a|aa)*b"/></xs:restriction>'
  const schema = `<xs:schema ${XS}><xs:element name="code"><xs:simpleType>${code}</xs:simpleType></xs:element></xs:schema>`
  const check = await open(t, { 'tries.xsd': schema })
  t.equal(
    await check(`<code>${'a'.repeat(100)}</code>`),
    'its file does not follow tries.xsd: it does not follow the schema, at /code',
  )
  t.equal(await check('<code>aab</code>'), undefined, 'and the next is taken')
})

t.test('schemas that are refused at the start', async (t) => {
  const outside = path.join(emptyFolder(t), 'outside.xsd')
  writeFileSync(outside, MORE)
  const imports = (location: string): string =>
    `<xs:schema ${XS}><xs:import namespace="urn:x" schemaLocation="${location}"/></xs:schema>`
  const wrong: [files: Record<string, string>, why: RegExp][] = [
    [{ 'a.xsd': imports('http://127.0.0.1:9/x.xsd') }, /imports http:.*: put a copy beside it/],
    [{ 'a.xsd': imports('file:///etc/passwd') }, /imports file:/],
    [{ 'a.xsd': imports(outside) }, /does not lie beside/],
    [{ 'a.xsd': imports('../../x.xsd') }, /cannot be read|does not lie beside/],
    [{ 'a.xsd': imports('none.xsd') }, /none\.xsd cannot be read/],
    [{ 'a.xsd': `<!DOCTYPE x [<!ENTITY y "z">]><xs:schema ${XS}/>` }, /document type|something else/],
    [{ 'a.xsd': `<xs:schema ${XS}><xs:element name="a" type="Missing"/></xs:schema>` }, /a\.xsd: .*Missing/],
    [{ 'a.xsd': `<xs:schema ${XS}><xs:redefine schemaLocation="a.xsd"/></xs:schema>` }, /redefine/],
    [{ 'a.xsd': '<a/>' }, /neither WSDL 1\.1 nor XML Schema/],
    [{ 'a.xsd': 'x' }, /a\.xsd/],
    [{ 'a.json': '{"$ref":"https://land.example/x.json"}' }, /a\.json: .*only a place of the same document/],
    [
      { 'a.json': '{"$schema":"http://json-schema.org/draft-07/schema#"}' },
      /not that of JSON Schema 2020-12/,
    ],
    [{ 'a.json': '{"$defs":{"a":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}' }, /refers to itself without end/],
    [{ 'a.json': '{"type":"what"}' }, /is no schema/],
    [{ 'a.json': '{"pattern":"("}' }, /a\.json: /],
    [{ 'a.json': '{"type":"string","type":"number"}' }, /no JSON that everybody reads/],
    [{ 'a.json': '[]' }, /it is no object/],
  ]
  for (const [files, why] of wrong)
    await t.rejects(open(t, files), { code: 'invalid_configuration', message: why }, why.source)

  const nested = `<xs:schema ${XS}><xs:element name="a"><xs:complexType>${'<xs:sequence minOccurs="0" maxOccurs="1000">'.repeat(20)}<xs:element name="id" type="xs:int" maxOccurs="1000"/>${'</xs:sequence>'.repeat(20)}</xs:complexType></xs:element></xs:schema>`
  const bombs = await open(t, { 'a.xsd': nested }, { ...LIMITS, compileMs: 3000 }).then(
    (check) => check('<a/>'),
    (fault: Error) => fault.message,
  )
  t.ok(bombs === undefined || /a\.xsd/.test(bombs), `a bomb ends with its thread: ${bombs}`)
})
