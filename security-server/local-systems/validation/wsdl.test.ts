/** SOAP messages are held against the schemas of a WSDL, and documents that strangers wrote are bounded. */
import t from 'tap'
import { compileDescription } from './compile-description.ts'
import type { DescribedMessage } from './described-message.ts'
import { checkDescription, tryDescription } from './try-description.ts'

const refused = (what: RegExp) => ({ code: 'invalid_input', what })

function wsdl(
  content: string,
  q: { style?: string; use?: string; part?: string; more?: string } = {},
): string {
  const { style = 'document', use = 'literal', part = 'element="tns:persons"', more = '' } = q
  return `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:tns="urn:p" xmlns:o="urn:o" targetNamespace="urn:p">
<w:types>
<xs:schema targetNamespace="urn:p" elementFormDefault="qualified">
<xs:import namespace="urn:o"/><xs:import namespace="http://x-road.eu/xsd/xroad.xsd" schemaLocation="http://x-road.eu/xsd/xroad.xsd"/>
${content}
<xs:element name="personsResponse"><xs:complexType><xs:sequence><xs:element name="name" type="o:Name"/></xs:sequence></xs:complexType></xs:element>
</xs:schema>
<xs:schema targetNamespace="urn:o" xmlns:own="urn:o"><xs:simpleType name="Name"><xs:restriction base="own:Base"><xs:maxLength value="5"/></xs:restriction></xs:simpleType></xs:schema>
<xs:schema targetNamespace="urn:o"><xs:simpleType name="Base"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]+"/></xs:restriction></xs:simpleType></xs:schema>${more}
</w:types>
<w:message name="headers"><w:part name="client" element="x:client"/></w:message>
<w:message name="in"><w:part name="body" ${part}/><w:part name="id" element="x:id"/></w:message>
<w:message name="out"><w:part name="body" element="tns:personsResponse"/></w:message>
<w:portType name="port"><w:operation name="persons"><w:input message="tns:in"/><w:output message="tns:out"/></w:operation></w:portType>
<w:binding name="b" type="tns:port"><s:binding style="${style}" transport="http://schemas.xmlsoap.org/soap/http"/>
<w:operation name="persons"><x:version>v1</x:version>
<w:input><s:body use="${use}"/><s:header message="tns:in" part="id" use="literal"/><s:header message="tns:headers" part="client" use="literal"/></w:input>
<w:output><s:body use="literal"/></w:output></w:operation></w:binding>
<w:service name="s"><w:port name="p" binding="tns:b"><s:address location="http://10.0.0.1/"/></w:port></w:service></w:definitions>`
}

/** What a violation says, in one text; 'fits' when there is none. */
async function said(
  compiled: Awaited<ReturnType<typeof compileDescription>>,
  message: DescribedMessage,
): Promise<string> {
  const violation = await compiled.judge(message)
  return violation === undefined ? 'fits' : `${violation.place}${violation.pointer}: ${violation.rule}`
}

const PERSONS =
  '<xs:element name="persons"><xs:complexType><xs:sequence><xs:element name="id" type="xs:int" maxOccurs="2"/></xs:sequence></xs:complexType></xs:element>'

t.test('SOAP by the schemas of a WSDL', async (t) => {
  const described = await compileDescription({ type: 'WSDL', text: wsdl(PERSONS) })
  const soap = (
    half: 'request' | 'response',
    content: string,
    operation = 'persons/v1',
  ): DescribedMessage => ({
    ...{ protocol: 'SOAP', half, operation },
    body: Buffer.from(
      `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:p"><s:Header/><s:Body>${content}</s:Body></s:Envelope>`,
    ),
  })
  for (const [half, content, expected] of [
    ['request', '<p:persons><p:id>7</p:id></p:persons>', 'fits'],
    ['request', '<p:persons><p:id>38001010000</p:id></p:persons>', 'body/persons/id: type xs:int'],
    [
      'request',
      '<p:persons><p:id>7</p:id><p:id>8</p:id><p:id>9</p:id></p:persons>',
      'body/persons/id: it is not expected here',
    ],
    [
      'request',
      "<p:persons><p:id>: [facet '38001010000'] is not a valid value of the atomic type '38001010000'.</p:id></p:persons>",
      'body/persons/id: type xs:int',
    ],
    ['request', '<p:persons/>', 'body/persons: an element is missing in it'],
    [
      'request',
      '<p:persons code="x"><p:id>7</p:id></p:persons>',
      'body/persons: an attribute is not allowed',
    ],
    ['request', '<persons><id>7</id></persons>', 'body: its element is {urn:p}persons'],
    [
      'request',
      '<p:personsResponse><p:name>A</p:name></p:personsResponse>',
      'body: its element is {urn:p}persons',
    ],
    ['request', '<s:Fault><faultcode>x</faultcode></s:Fault>', 'body: its element is {urn:p}persons'],
    ['request', '', 'body: it has one element'],
    ['request', '<p:persons>', 'body: it is not well-formed XML'],
    ['response', '<p:personsResponse><p:name>A</p:name></p:personsResponse>', 'fits'],
    [
      'response',
      '<p:personsResponse><p:name>a b</p:name></p:personsResponse>',
      'body/personsResponse/name: facet pattern',
    ],
    [
      'response',
      '<p:personsResponse><p:name>TOOLONG</p:name></p:personsResponse>',
      'body/personsResponse/name: facet maxLength',
    ],
    [
      'response',
      '<p:personsResponse>x<p:name>A</p:name></p:personsResponse>',
      'body/personsResponse: characters are not allowed',
    ],
    ['response', '<s:Fault><faultcode>x</faultcode></s:Fault>', 'fits'],
  ] as const)
    t.equal(await said(described, soap(half, content)), expected, content)
  t.match(await said(described, soap('request', '<p:persons/>', 'persons')), /^operation/, 'another version')
  const noSoap: DescribedMessage = {
    ...{ protocol: 'REST', half: 'request', method: 'GET', path: '/', query: undefined },
    ...{ headers: [], body: undefined },
  }
  t.match(await said(described, noSoap), /^operation/)
  described.free()
})

t.test('WSDL documents that cannot be compiled', async (t) => {
  const compile = (text: string) => compileDescription({ type: 'WSDL', text })
  for (const [what, text, why] of [
    ['rpc', wsdl(PERSONS, { style: 'rpc' }), /operation persons: its style is rpc/],
    ['encoded', wsdl(PERSONS, { use: 'encoded' }), /not literal/],
    ['a part with a type', wsdl(PERSONS, { part: 'type="xs:string"' }), /names no element/],
    [
      'a type that is not there',
      wsdl('<xs:element name="persons" type="tns:None"/>'),
      /None.*does not resolve/,
    ],
    [
      'an include',
      wsdl('<xs:include schemaLocation="http://example.org/x.xsd"/>'),
      /http:\/\/example.org\/x.xsd/,
    ],
    [
      'a file',
      wsdl('<xs:include schemaLocation="/etc/passwd"/>'),
      /Failed to load the document '\/etc\/passwd'/,
    ],
    ['no schema', wsdl(PERSONS).replace(/<xs:schema[\s\S]*<\/xs:schema>/, ''), /no schema/],
    ['an element of nowhere', wsdl(''), /\{urn:p\}persons is not declared/],
    [
      'an element of elsewhere',
      wsdl(PERSONS, { part: 'element="x:persons"' }),
      /xroad.xsd\}persons is not declared/,
    ],
    ['a name that is none', wsdl(PERSONS, { part: 'element="tns:a b="' }), /is no name/],
    ['no message', wsdl(PERSONS).replace('"tns:in"', '"tns:other"'), /message of its input/],
    ['no XML', '<w', /well-formed|UTF-8/],
    ['a document type', `<!DOCTYPE x [<!ENTITY a "b">]>${wsdl(PERSONS)}`, /something else/],
  ] as [string, string, RegExp][])
    await t.rejects(compile(text), refused(why), what)
  const bomb = PERSONS.replace('maxOccurs="2"', 'maxOccurs="1000000" minOccurs="0"')
  const nested = `<xs:element name="persons"><xs:complexType>${'<xs:sequence minOccurs="0" maxOccurs="1000">'.repeat(20)}<xs:element name="id" type="xs:int" maxOccurs="1000"/>${'</xs:sequence>'.repeat(20)}</xs:complexType></xs:element>`
  for (const content of [bomb, nested]) {
    const limits = { timeMs: 60_000, oldGenerationMb: 256 }
    const body = Buffer.from(
      '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><p:persons xmlns:p="urn:p"><p:id>x</p:id></p:persons></s:Body></s:Envelope>',
    )
    const message = { protocol: 'SOAP', half: 'request', operation: 'persons/v1', body } as const
    const [found] = await tryDescription(
      { document: { type: 'WSDL', text: wsdl(content) }, messages: [message] },
      limits,
    )
    t.match(
      found,
      { pointer: '/persons/id', rule: 'type xs:int' },
      'numbers of repetitions are counted, not written out',
    )
  }
})

t.test('a content model that is compiled in cubic time ends its thread', async (t) => {
  const elements = Array.from({ length: 4000 }, (_, i) => `<xs:element name="e${i}" minOccurs="0"/>`).join('')
  const slow = wsdl(
    `<xs:element name="persons"><xs:complexType><xs:sequence>${elements}</xs:sequence></xs:complexType></xs:element>`,
  )
  await t.rejects(
    checkDescription({ type: 'WSDL', text: slow }, { timeMs: 1000, oldGenerationMb: 256 }),
    refused(/longer than 1000 ms/),
  )
})
