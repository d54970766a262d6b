import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { boundaryOf } from './content-type.ts'
import { writeSoapFault } from './fault-xml.ts'
import { createMultipartParser } from './multipart-parser.ts'
import { checkSoapConsistency, checkSoapType } from './soap-consistency.ts'
import { parseSoapMessage, type SoapMessage } from './soap-message.ts'

/** 'request', 'response', or the code of the fault; a fault that was sent is its own code behind 'fault'. */
async function verdict(read: () => Promise<SoapMessage>): Promise<string> {
  try {
    return (await read()).isResponse ? 'response' : 'request'
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return thrown.received === undefined ? thrown.code : `fault ${thrown.received.type}`
  }
}

/** A file of X-Road's as its test sends it; multipart ones with the CRLF that they would have on the wire. */
async function readSample(bytes: Buffer): Promise<SoapMessage> {
  if (bytes.toString('latin1', 0, 2) !== '--') return parseSoapMessage(bytes)
  const raw = Buffer.from(bytes.toString('latin1').replaceAll(/\r?\n/g, '\r\n'), 'latin1')
  const boundary = boundaryOf(`multipart/related; boundary="${/^--(\S+)/.exec(raw.toString('latin1'))?.[1]}"`)
  const parts: { type: string | undefined; chunks: Buffer[] }[] = []
  const parser = createMultipartParser({
    boundary,
    limits: { maxParts: 100, maxHeaderBytes: 16_384 },
    onPart(headers) {
      const part = { type: headers.get('content-type'), chunks: [] as Buffer[] }
      parts.push(part)
      return { write: (chunk) => void part.chunks.push(chunk), end: () => {} }
    },
  })
  await parser.push(raw)
  parser.finish()
  checkSoapType(parts[0]?.type)
  if (parts.some((part) => part.type === undefined)) throw new Fault('invalid_content_type')
  return parseSoapMessage(Buffer.concat(parts[0]?.chunks ?? []))
}

// From the rules of wire section 1.5 and from X-Road's own test cases, which the remarks name. A MIME verdict
// is ours: X-Road's reader is laxer.
const SAMPLES: Record<string, string> = {
  'allowedMethods.query': 'request',
  'attach-error-withsoap.query': 'inconsistent_headers',
  'attachm-error.query': 'invalid_content_type', // AttachmentFaulty
  'attachm-faulty-soap.query': 'missing_header_field', // AttachmentFaultySoap
  'attachm-mtom.answer': 'response',
  'attachm-mtom.query': 'request',
  'attachm-no-soap.query': 'invalid_content_type', // AttachmentNoSoap
  'attachm.answer': 'response',
  'attachm.query': 'request',
  'attachm2-utf8bom-inside.answer': 'response',
  'attachm2-utf8bom-inside.query': 'missing_header_field', // its id is empty: X-Road's test fills it in
  'attachm2.answer': 'response',
  'attachm2.query': 'request',
  'attachment-small-mantis.answer': 'response',
  'attachments.answer': 'response',
  'attachments.query': 'request',
  'bigAttachment.answer': 'response',
  'bigAttachment.query': 'request',
  'cdata.answer': 'response',
  'cdata.query': 'request',
  'customfault.answer': 'fault foo:FOOCODE',
  'customsoapenv.answer': 'fault soapenv:Server.CODE',
  'empty.query': 'invalid_soap', // EmptyQuery
  'fault.query': 'fault CODE', // ServiceReturnsFault
  'faulty-fault.answer': 'fault soap:Server', // ServiceFaultyFault
  'faulty-header.query': 'missing_header_field', // FaultyHeaderResponse
  'faulty-header2.query': 'duplicate_header_field', // FaultyHeader
  'faulty-multipart.query': 'mime_parsing_failed', // ServiceFaultyMultipart (there: invalid_message)
  'getstate-defaultnamespace.query': 'request',
  'getstate-iso88591.answer': 'response',
  'getstate-subsystem.answer': 'response',
  'getstate-subsystem.query': 'request',
  'getstate.answer': 'response',
  'getstate.query': 'request',
  'inconsistent-headers.query': 'inconsistent_headers', // SoapMessageTest
  'invalid-service-address.query': 'request',
  'listMethods.query': 'request',
  'malformed-body1.query': 'invalid_body', // MalformedBody1
  'malformed-body2.query': 'invalid_body', // MalformedBody2
  'malformed-body3.query': 'inconsistent_headers', // MalformedBody3
  'malformed-protocolVersion.query': 'invalid_protocol_version',
  'mimesoap.answer': 'response',
  'mimesoap.query': 'request',
  'missing-body.query': 'missing_body', // MissingBody
  'missing-org.query': 'request', // MissingOrg: the member is unknown, the message is well formed
  'missing-protocolVersion.query': 'missing_header_field',
  'missing-userId.answer': 'response', // MissingUserIdHeader
  'missing-userId.query': 'request',
  'missingobjecttype.query': 'invalid_xml', // MissingObjectTypeMessage
  'no-header.query': 'missing_header', // MissingHeader
  'no-signature.query': 'response', // NoSignatureToServerProxy: only the signature is missing
  'no-soap.query': 'mime_parsing_failed', // NoSoapToServerProxy: a part without its empty line
  'notAllowed.query': 'request',
  'nowhitespace.answer': 'response',
  'nowhitespace.query': 'request',
  'proxyemulator.query': 'request',
  'request-suffix.query': 'request', // SoapMessageTest
  'requesthash.answer': 'response',
  'response-with-requestId.answer': 'response',
  'signature.xml': 'invalid_soap',
  'signing-error-request.query': 'request',
  'signing-error-response.query': 'request',
  'simple-comment.answer': 'response',
  'simple-representedparty.query': 'request',
  'simple-rpc.query': 'request',
  'simple.answer': 'response',
  'simple.query': 'request',
  'simplesoap.xml': 'request',
  'smallAttachment.answer': 'response',
  'smallAttachment.query': 'request',
  'soapfault-mtom.answer': 'mime_parsing_failed', // SoapFaultInMultipartResponse: no end
  'soapfault-mtom.query': 'request',
  'soapfaulterror.query': 'fault SOAP-ENV:Clientrwerete',
  'split-header.answer': 'response',
  'split-header.query': 'request',
  'wrong-protocolVersion.query': 'invalid_protocol_version',
  'wrong-version.query': 'invalid_protocol_version', // SoapMessageTest
  'xml.query': 'request',
  'xmlencoded.answer': 'response',
  'xmlencoded.query': 'request',
  'xop.answer': 'mime_parsing_failed', // a folded part header
}

const FOLDER = new URL('../../test/vectors/x-road/soap/', import.meta.url)
const sample = (name: string): Buffer => readFileSync(new URL(name, FOLDER))

void t.test("X-Road's samples", async (t) => {
  const files = readdirSync(FOLDER).filter((name) => !/^(MANIFEST|README|test\.ocsp)/.test(name))
  t.strictSame(files.sort(), Object.keys(SAMPLES).sort(), 'every file has a verdict')
  for (const [name, expected] of Object.entries(SAMPLES)) {
    t.equal(await verdict(() => readSample(sample(name))), expected, name)
  }
  const read = (name: string): Promise<SoapMessage> => parseSoapMessage(sample(name))
  t.strictSame(await read('simple.query'), {
    protocolVersion: '4.0',
    client: { instance: 'EE', memberClass: 'BUSINESS', memberCode: 'consumer' },
    service: { instance: 'EE', memberClass: 'BUSINESS', memberCode: 'producer', serviceCode: 'testQuery' },
    id: '1234567890',
    userId: 'EE37702211234',
    issue: undefined,
    securityServer: undefined,
    representedParty: undefined,
    hasOtherParty: false,
    requestHash: undefined,
    element: 'testQuery',
    isResponse: false,
  })
  t.match(await read('simple-representedparty.query'), {
    representedParty: { memberClass: 'COM', memberCode: 'MEMBER3' },
    issue: 'issue-1',
  })
  t.match(await read('xmlencoded.query'), { userId: `<"EE37702211234" & 'xml encoded'>` })
  t.match(await read('split-header.query'), { issue: 'w\naa\nww\n' })
  t.match(await read('requesthash.answer'), { requestHash: { algorithmId: /sha/ } })
  const mark = Buffer.concat([Buffer.from('efbbbf', 'hex'), sample('getstate-subsystem.query')])
  t.match(await parseSoapMessage(mark), { client: { subsystemCode: String } })
  const query = await read('getstate.query')
  checkSoapConsistency(query, await read('getstate.answer'))
  const other = await read('simple.answer')
  t.throws(() => checkSoapConsistency(query, other), { code: 'inconsistent_headers' })
})

const id = (...codes: [string, string][]): string =>
  codes.map(([name, code]) => `<id:${name}>${code}</id:${name}>`).join('')
const MEMBER: [string, string][] = [
  ['xRoadInstance', 'DEV'],
  ['memberClass', 'GOV'],
  ['memberCode', '1'],
]
const PARTS = {
  client: `<x:client id:objectType="SUBSYSTEM">${id(...MEMBER, ['subsystemCode', 'a'])}</x:client>`,
  service: `<x:service id:objectType="SERVICE">${id(...MEMBER, ['subsystemCode', 'b'], ['serviceCode', 'get'], ['serviceVersion', 'v1'])}</x:service>`,
  id: '<x:id>q-1</x:id>',
  version: '<x:protocolVersion>4.0</x:protocolVersion>',
  more: '',
  body: '<get xmlns=""/>',
}
function soap(change: Partial<typeof PARTS> = {}): string {
  const p = { ...PARTS, ...change }
  return `<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers"><e:Header>${p.client}${p.service}${p.id}${p.version}${p.more}</e:Header><e:Body>${p.body}</e:Body></e:Envelope>`
}

void t.test('hostile messages', async (t) => {
  const good = soap()
  const server = `<x:securityServer id:objectType="SERVER">${id(...MEMBER, ['serverCode', 's'])}</x:securityServer>`
  const cases: [string, string, string][] = [
    ['request', 'the good one', good],
    ['request', 'a quoted document type', soap({ body: '<get><![CDATA[<!DOCTYPE x>]]></get>' })],
    ['request', 'comment and instruction before', good.replace('?><', '?> <!-- < > --><?a b?>\n<')],
    ['request', 'a server', soap({ more: server })],
    ['request', 'a code in pieces', soap({ id: '<x:id>q<!-- c --><![CDATA[-]]>&#49;</x:id>' })],
    ['request', 'headers of others, doubled', soap({ more: '<o xmlns="urn:o"/><o xmlns="urn:o"/>' })],
    ['response', 'a response', soap({ body: '<o:getResponse xmlns:o="urn:o"><a/><b/></o:getResponse>' })],
    [
      'request',
      'a service whose name ends so',
      soap({ service: PARTS.service.replace('>get<', '>getResponse<'), body: '<getResponse/>' }),
    ],
    ['invalid_soap', 'a document type', good.replace('?>', '?><!DOCTYPE e:Envelope>')],
    ['invalid_soap', 'behind a comment', good.replace('?>', '?><!-- a --> <!DOCTYPE e [<!ENTITY a "a">]>')],
    ['invalid_soap', 'an unknown entity', soap({ id: '<x:id>&a;</x:id>' })],
    ['invalid_soap', 'another encoding', good.replace('UTF-8', 'ISO-8859-1')],
    ['invalid_soap', 'UTF-7', good.replace('UTF-8', 'UTF-7')],
    ['invalid_soap', 'truncated', good.slice(0, -3)],
    ['invalid_soap', 'trailing', `${good}<a/>`],
    ['invalid_soap', 'two bodies', good.replace('</e:Envelope>', '<e:Body><get/></e:Body></e:Envelope>')],
    ['invalid_soap', 'two headers', good.replace('<e:Body>', '<e:Header/><e:Body>')],
    [
      'invalid_soap',
      'the body first',
      good.replace(/(<e:Header>.*<\/e:Header>)(<e:Body>.*<\/e:Body>)/, '$2$1'),
    ],
    [
      'invalid_soap',
      'SOAP 1.2',
      good.replace('http://schemas.xmlsoap.org/soap/envelope/', 'http://www.w3.org/2003/05/soap-envelope'),
    ],
    ['invalid_soap', 'an element in a code', soap({ id: '<x:id>q<b/>1</x:id>' })],
    ['invalid_soap', 'a line break in the id', soap({ id: '<x:id>q\n1</x:id>' })],
    ['invalid_soap', 'a long id', soap({ id: `<x:id>${'q'.repeat(256)}</x:id>` })],
    ['invalid_soap', 'many headers', soap({ more: '<a/>'.repeat(2_000) })],
    ['invalid_soap', 'too deep', soap({ body: `<get>${'<a>'.repeat(3_000)}${'</a>'.repeat(3_000)}</get>` })],
    ['invalid_soap', 'an instruction among headers', soap({ more: '<?a b?>' })],
    ['missing_header_field', 'an empty id', soap({ id: '<x:id/>' })],
    ['missing_header_field', 'no client', soap({ client: '' })],
    ['missing_header_field', 'no service', soap({ service: '' })],
    [
      'missing_header_field',
      'a central service, which X-Road 7.8 knows no more',
      soap({
        service: `<x:centralService id:objectType="CENTRALSERVICE">${id(['xRoadInstance', 'EE'], ['serviceCode', 'get'])}</x:centralService>`,
      }),
    ],
    [
      'missing_header_field',
      'no class',
      soap({ client: PARTS.client.replace(/<id:memberClass>.*<\/id:memberClass>/, '') }),
    ],
    ['missing_header_field', 'its names in another namespace', soap({ id: '<id xmlns="urn:o">1</id>' })],
    ['duplicate_header_field', 'two clients', soap({ more: PARTS.client })],
    [
      'duplicate_header_field',
      'two codes',
      soap({ client: PARTS.client.replace('<id:memberCode>', '<id:memberCode>2</id:memberCode>$&') }),
    ],
    ['duplicate_header_field', 'two servers', soap({ more: server + server })],
    [
      'invalid_client_identifier',
      'a slash in a code',
      soap({ client: PARTS.client.replace('>GOV<', '>G/V<') }),
    ],
    ['invalid_client_identifier', 'an empty code', soap({ client: PARTS.client.replace('>GOV<', '><') })],
    [
      'invalid_xml',
      'a member with a subsystem',
      soap({ client: PARTS.client.replace('SUBSYSTEM', 'MEMBER') }),
    ],
    [
      'invalid_xml',
      'a client that is a server',
      soap({ client: PARTS.client.replace('SUBSYSTEM', 'SERVER') }),
    ],
    [
      'invalid_xml',
      'a type in no namespace',
      soap({ client: PARTS.client.replace('id:objectType', 'objectType') }),
    ],
    [
      'invalid_protocol_version',
      'version 3.9',
      soap({ version: '<x:protocolVersion>3.9</x:protocolVersion>' }),
    ],
    ['invalid_body', 'a fault and something', soap({ body: '<get/><e:Fault/>' })],
    ['invalid_soap', 'a fault without a code', soap({ body: '<e:Fault/>' })],
    [
      'missing_header',
      'no header',
      '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><a/></e:Body></e:Envelope>',
    ],
    [
      'missing_header',
      'an empty envelope',
      '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>',
    ],
    ['fault server.x', 'a fault', writeSoapFault({ type: 'server.x', message: 'm', detail: 'd' }).toString()],
  ]
  for (const [expected, what, document] of cases) {
    t.equal(await verdict(() => parseSoapMessage(Buffer.from(document))), expected, what)
  }
  for (const [what, bytes] of [
    ['UTF-16', Buffer.from(`\ufeff${good}`, 'utf16le')],
    ['not UTF-8', Buffer.from(good.replace('q-1', '\u00e4'), 'latin1')],
    ['NUL', Buffer.from(good.replace('q-1', 'q\0'))],
    ['too long', Buffer.from(soap({ body: `<get>${'x'.repeat(10_500_000)}</get>` }))],
    ['much before the root', Buffer.from(good.replace('?>', `?><!--${'x'.repeat(70_000)}-->`))],
  ] as const) {
    t.equal(await verdict(() => parseSoapMessage(bytes)), 'invalid_soap', what)
  }
  t.match(await parseSoapMessage(Buffer.from(soap({ more: server }))), {
    client: { subsystemCode: 'a' },
    service: { subsystemCode: 'b', serviceCode: 'get', serviceVersion: 'v1' },
    securityServer: { serverCode: 's' },
  })
  const [one, two] = [
    await parseSoapMessage(Buffer.from(good)),
    await parseSoapMessage(Buffer.from(soap({ id: '<x:id>q-2</x:id>' }))),
  ]
  t.equal(one.client, two.client, 'one object for all messages that name it')
  t.equal(one.service, two.service)
  // Both have the text DEV/GOV/1/b/get.
  const ofMember = id(...MEMBER, ['serviceCode', 'b'], ['serviceVersion', 'get'])
  const [hers, its] = await Promise.all(
    [ofMember, id(...MEMBER, ['subsystemCode', 'b'], ['serviceCode', 'get'])].map((codes) =>
      parseSoapMessage(
        Buffer.from(
          soap({
            service: `<x:service id:objectType="SERVICE">${codes}</x:service>`,
            body: codes === ofMember ? '<b/>' : '<get/>',
          }),
        ),
      ),
    ),
  )
  t.equal(hers!.service.subsystemCode, undefined, 'a service of a member stays one')
  t.throws(() => checkSoapConsistency(hers!, its!), { code: 'inconsistent_headers', what: /^service / })
  const bytes = Buffer.from(good)
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, byte) => {
      const changed = Buffer.from(bytes)
      changed[at] = byte
      return (await verdict(() => parseSoapMessage(changed))) !== ''
    }),
    { numRuns: 500 },
  )
  for (const type of [
    undefined,
    'text/html',
    'multipart/mixed; boundary=a',
    'text/xml;;x',
    'application/soap+xml',
    ...['utf-16', 'iso-8859-1', 'utf', 'utf-88'].map((charset) => `text/xml; charset=${charset}`),
  ]) {
    t.throws(() => checkSoapType(type), { code: 'invalid_content_type' })
  }
  checkSoapType('Application/XOP+xml; type="text/xml"')
  for (const charset of ['UTF-8', '"utf-8"', 'utf8', 'US-ASCII'])
    checkSoapType(`text/xml; charset=${charset}`)
})
