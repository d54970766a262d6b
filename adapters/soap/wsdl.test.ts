/**
 * WSDL and XML Schema in the ways in which they are written, and what is refused because it would have to be
 * guessed.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { describeAdapter, readSettings } from '#adapters/kit/serve-adapter.ts'
import { startSystem } from '#adapters/kit/system/system-fixture.ts'
import { soapAdapter } from './adapter.ts'
import { EXAMPLES, startBefore } from './soap-fixture.ts'

type Parts = {
  schema: string
  input?: string
  binding?: string
  part?: string
  version?: '1.1' | '1.2'
  style?: string
}

/** A WSDL with one operation `act`, whose answer is an element `said`. */
function wsdl({ schema, input = '', binding, part, version = '1.1', style = 'document' }: Parts): string {
  const soap = version === '1.1' ? 'soap/' : 'soap12/'
  const body = binding ?? '<s:body use="literal"/>'
  return `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/${soap}"
  xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:a="urn:a" xmlns:b="urn:b?x=1&amp;y=2" targetNamespace="urn:a">
  <w:types>${schema}</w:types>
  <w:message name="in">${part ?? '<w:part name="p" element="a:act"/>'}${input}</w:message>
  <w:message name="out"><w:part name="p" element="a:said"/></w:message>
  <w:portType name="P"><w:operation name="act"><w:input message="a:in"/><w:output message="a:out"/></w:operation></w:portType>
  <w:binding name="B" type="a:P"><s:binding style="${style}" transport="http://schemas.xmlsoap.org/soap/http"/>
    <w:operation name="act"><s:operation soapAction="urn:a&quot;&lt;"/>
      <w:input>${body}</w:input><w:output><s:body use="literal"/></w:output></w:operation></w:binding>
  <w:service name="S"><w:port name="Q" binding="a:B"><s:address location="http://x"/></w:port></w:service>
</w:definitions>`
}

const SAID = '<x:element name="said" type="x:string"/>'
const of = (content: string, more = ''): string =>
  `<x:schema targetNamespace="urn:a" ${more}><x:element name="act">${content}</x:element>${SAID}</x:schema>`
const sequence = (content: string): string =>
  `<x:complexType><x:sequence>${content}</x:sequence></x:complexType>`

/** The adapter's document for a WSDL, with other files beside it. */
async function describe(
  t: Test,
  text: string,
  files: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const folder = emptyFolder(t)
  for (const [name, content] of Object.entries({ 'a.wsdl': text, ...files })) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), content)
  }
  const file = path.join(folder, 'adapter.yaml')
  const settings = {
    ...{ listen: {}, service: { code: 'c', title: 't' }, system: { url: 'http://127.0.0.1:1' } },
    ...{ wsdl: { file: path.join(folder, 'a.wsdl') }, operations: [{ name: 'act' }] },
  }
  writeFileSync(file, JSON.stringify(settings))
  return (await describeAdapter(soapAdapter, await readSettings(soapAdapter, file, {}))) as Record<
    string,
    unknown
  >
}

const MANY = {
  'a.wsdl': wsdl({
    version: '1.2',
    schema: `<x:schema targetNamespace="urn:a" elementFormDefault="unqualified">
      <x:include schemaLocation="more/included.xsd"/><x:import namespace="urn:b?x=1&amp;y=2" schemaLocation="b.xsd"/>
      <x:element name="act"><x:complexType><x:sequence>
        <x:element name="local" type="x:int" minOccurs="0"/>
        <x:element ref="b:shared" maxOccurs="unbounded"/>
        <x:group ref="a:Pair"/>
        <x:sequence maxOccurs="3"><x:element name="item" type="a:Mark"/></x:sequence>
        <x:element name="tree" type="b:Tree" minOccurs="0"/>
        <x:any minOccurs="0" maxOccurs="unbounded"/>
      </x:sequence><x:attributeGroup ref="a:Marks"/></x:complexType></x:element>
      <x:element name="said" type="b:Tree"/></x:schema>`,
  }),
  'more/included.xsd': `<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"><x:include schemaLocation="../more/included.xsd"/>
    <x:group name="Pair"><x:choice><x:sequence><x:element name="left" type="x:decimal"/><x:element name="right" type="x:double"/></x:sequence>
      <x:element name="both" type="x:boolean"/></x:choice></x:group>
    <x:attributeGroup name="Marks"><x:attribute name="m" type="Mark" use="required"/><x:attribute name="q" form="qualified"/></x:attributeGroup>
    <x:simpleType name="Mark"><x:restriction base="x:token"><x:enumeration value="x"/><x:enumeration value="y z"/></x:restriction></x:simpleType>
  </x:schema>`,
  'b.xsd': `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:b?x=1&amp;y=2" xmlns="urn:b?x=1&amp;y=2" elementFormDefault="qualified">
    <xs:element name="shared" type="Small" nillable="true"/>
    <xs:simpleType name="Small"><xs:restriction base="xs:short"><xs:maxExclusive value="10"/></xs:restriction></xs:simpleType>
    <xs:complexType name="Tree"><xs:sequence><xs:element name="name" type="List"/><xs:element name="tree" type="Tree" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
    <xs:simpleType name="List"><xs:list itemType="xs:int"/></xs:simpleType>
  </xs:schema>`,
}

t.test('imports, includes, groups, references, and SOAP 1.2', async (t) => {
  const folder = emptyFolder(t)
  mkdirSync(path.join(folder, 'more'))
  for (const [name, text] of Object.entries(MANY)) writeFileSync(path.join(folder, name), text)
  const seen: { type: string | undefined; text: string }[] = []
  const { url } = await startSystem(t, (app) => {
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    app.post('/service', async (request, reply) => {
      seen.push({ type: request.headers['content-type'], text: request.body as string })
      const said = '<a:said><b:name>1 2</b:name><b:tree><b:name>3</b:name></b:tree></a:said>'
      return reply
        .header('content-type', 'application/soap+xml; charset=utf-8')
        .send(
          `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="urn:a" xmlns:b="urn:b?x=1&amp;y=2"><e:Body>${said}</e:Body></e:Envelope>`,
        )
    })
  })
  const settings = { wsdl: { file: path.join(folder, 'a.wsdl') }, operations: [{ name: 'act' }] }
  const { post } = await startBefore(t, `${url}/service`, settings)
  const body = {
    ...{
      tree: { tree: [{ name: '2' }], name: '1' },
      item: ['y z', 'x'],
      right: 1e-7,
      left: 1e-7,
      shared: [null, 9],
    },
    ...{ '@q': 'a\t"b"', '@m': 'x' },
  }
  const answered = await post('/act', body)
  t.match(answered, { status: 200, json: { name: '1 2', tree: [{ name: '3', tree: [] }] } })
  t.equal(seen[0]?.type, 'application/soap+xml; charset=utf-8; action="urn:a%22<"')
  const written = /<n0:act[\s\S]*<\/n0:act>/.exec(seen[0]?.text ?? '')?.[0]
  t.equal(
    written?.replace(/ xmlns:\w+="[^"]*"/g, ''),
    '<n0:act m="x" n0:q="a&#9;&quot;b&quot;"><n1:shared n2:nil="true"/><n1:shared>9</n1:shared><left>0.0000001</left><right>1e-7</right>' +
      '<item>y z</item><item>x</item><n1:tree><n1:name>1</n1:name><n1:tree><n1:name>2</n1:name></n1:tree></n1:tree></n0:act>'
        .replaceAll('n1:tree><n1:name>1', 'tree><n1:name>1')
        .replace('</n1:tree></n0:act>', '</tree></n0:act>'),
  )
  t.match(written, /xmlns:n1="urn:b\?x=1&amp;y=2"/)
  const pair = { ...body, left: undefined, right: undefined }
  t.match(await post('/act', { ...pair, both: true }), { status: 200 })
  for (const [wrong, what] of [
    [pair, /has none of: left and right, both/],
    [{ ...body, both: true }, /more than one of: left and right, both/],
    [{ ...body, right: undefined }, /body.right is missing/],
    [{ ...body, item: ['x', 'x', 'x', 'x'] }, /body.item must NOT have more than 3/],
    [{ ...body, item: ['z'] }, /body.item.0 must be equal to one of/],
    [{ ...body, shared: [10] }, /body.shared.0 must/],
    [{ ...body, local: null }, /body.local must be integer/],
    [{ ...body, '@m': undefined }, /body.@m is missing/],
    [{ ...body, __proto__x: 1 }, /is not known/],
    [JSON.parse('{"__proto__":{"a":1}}'), /./],
  ] as const) {
    const refused = await post('/act', wrong)
    t.match(refused, { status: 400, json: { message: what } }, what.source)
  }
})

t.test('what would have to be guessed is refused, with its name', async (t) => {
  const plain = of('<x:simpleType><x:restriction base="x:string"/></x:simpleType>')
  t.ok(await describe(t, wsdl({ schema: plain })))
  const refused: [text: string, what: RegExp, files?: Record<string, string>][] = [
    [wsdl({ schema: plain, style: 'rpc' }), /act: rpc is not supported/],
    [wsdl({ schema: plain, binding: '<s:body use="encoded"/>' }), /encoded is not supported/],
    [wsdl({ schema: plain, part: '<w:part name="p" type="x:string"/>' }), /not one part with an element/],
    [wsdl({ schema: plain, input: '<w:part name="r" element="a:act"/>' }), /not one part with an element/],
    [wsdl({ schema: plain, part: '<w:part name="p" element="a:none"/>' }), /no element \{urn:a\}none/],
    [wsdl({ schema: plain, part: '<w:part name="p" element="z:act"/>' }), /prefix of z:act/],
    [wsdl({ schema: plain }).replaceAll('name="act"><s:', 'name="other"><s:'), /no operation act/],
    [wsdl({ schema: plain }).replace('soap/http', 'soap/smtp'), /no SOAP port over HTTP/],
    [wsdl({ schema: of('<x:complexType mixed="true"/>') }), /mixed content/],
    [wsdl({ schema: of('') }), /act: an element without a type/],
    [
      wsdl({ schema: of(sequence('<x:element name="e" type="x:anyType"/>')) }),
      /x:anyType of XML Schema holds anything/,
    ],
    [wsdl({ schema: of(sequence('<x:element name="e" type="a:None"/>')) }), /no complexType \{urn:a\}None/],
    [
      wsdl({ schema: of(sequence('<x:element name="e" type="x:int"/><x:element name="e" type="x:int"/>')) }),
      /e stands in it twice/,
    ],
    [
      wsdl({
        schema: of(
          '<x:complexType><x:choice maxOccurs="2"><x:element name="e" type="x:int"/><x:element name="f" type="x:int"/></x:choice></x:complexType>',
        ),
      }),
      /a group that repeats \(e, f\)/,
    ],
    [wsdl({ schema: of(sequence('<x:element name="e" type="x:int" maxOccurs="many"/>')) }), /an occurrence/],
    [
      wsdl({
        schema: of(sequence('<x:element name="e" type="a:T"/>')).replace(
          '</x:schema>',
          '<x:complexType name="T" abstract="true"/></x:schema>',
        ),
      }),
      /T: an abstract type/,
    ],
    [
      wsdl({
        schema: plain
          .replace(
            '</x:schema>',
            '<x:simpleType name="U"><x:restriction base="a:U"/></x:simpleType></x:schema>',
          )
          .replace('base="x:string"', 'base="a:U"'),
      }),
      /nested too deeply, or made of themselves/,
    ],
    [
      wsdl({
        schema: of(sequence('<x:group ref="a:G"/>')).replace(
          '</x:schema>',
          '<x:group name="G"><x:sequence><x:group ref="a:G"/></x:sequence></x:group></x:schema>',
        ),
      }),
      /made of themselves/,
    ],
    [
      wsdl({
        schema: plain.replace(
          '<x:element',
          '<x:import schemaLocation="http://far.example/a.xsd"/><x:element',
        ),
      }),
      /put a copy beside it/,
    ],
    [
      wsdl({
        schema: plain.replace('<x:element', '<x:import schemaLocation="file:///etc/passwd"/><x:element'),
      }),
      /put a copy beside it/,
    ],
    [
      wsdl({ schema: plain.replace('<x:element', '<x:import schemaLocation="/etc/passwd"/><x:element') }),
      /does not lie beside/,
    ],
    [
      wsdl({
        schema: plain.replace(
          '<x:element',
          `<x:import schemaLocation="../../${path.basename(EXAMPLES)}"/><x:element`,
        ),
      }),
      /cannot be read|does not lie beside/,
    ],
    [
      wsdl({ schema: plain.replace('<x:element', '<x:include schemaLocation="b.xsd"/><x:element') }),
      /b.xsd is neither/,
      { 'b.xsd': '<a/>' },
    ],
    [
      wsdl({ schema: plain.replace('<x:element', '<x:redefine schemaLocation="b.xsd"/><x:element') }),
      /redefine is not supported/,
    ],
    [
      `<!DOCTYPE a [<!ENTITY e SYSTEM "/etc/passwd">]>${wsdl({ schema: plain })}`,
      /a.wsdl: something else than an element/,
    ],
    ['<a/>', /neither WSDL 1.1 nor XML Schema/],
    ['', /a.wsdl/],
    [wsdl({ schema: '<a>'.repeat(500) + '</a>'.repeat(500) }), /deeper than/],
    [' '.repeat(5 * 1024 * 1024), /is larger than/],
  ]
  for (const [text, what, files] of refused)
    await t.rejects(describe(t, text, files), { code: 'invalid_configuration', what }, what.source)
})

t.test('settings that are wrong', async (t) => {
  const base = {
    listen: {},
    service: { code: 'c', title: 't' },
    system: { url: 'http://127.0.0.1:1' },
    wsdl: { file: 'a' },
  }
  const wrong: [settings: object, what: RegExp][] = [
    [{ operations: [{ name: 'a' }, { name: 'b', path: '/a' }] }, /operations.1.path gives \/a a second time/],
    [{ operations: [{ name: 'openapi.json' }] }, /operations.0.name is that of the description/],
    [{ operations: [{ name: 'a' }], system: { url: 'http://inner.example' } }, /system.url must be https/],
    [{ operations: [{ name: 'a' }], unknown: 'guess' }, /unknown must be equal to one of/],
    [{ operations: [{ name: 'a' }], xRoadProvider: 'DEV/GOV/1001' }, /xRoadProvider must be INSTANCE/],
    [{ operations: [] }, /operations must NOT have fewer/],
  ]
  for (const [settings, what] of wrong) {
    const file = path.join(emptyFolder(t), 'adapter.yaml')
    writeFileSync(file, JSON.stringify({ ...base, ...settings }))
    await t.rejects(readSettings(soapAdapter, file, {}), { code: 'invalid_configuration', what }, what.source)
  }
})
