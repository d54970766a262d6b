/**
 * X-Road's own SOAP cases (proxy-core, testsuite/testcases), its messages as they are except for the names of members: each has
 * X-Road's outcome, or the one that docs/divergences.md says. The table of docs/interoperability.md is this list.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { startProviderSystem } from '../fakes/provider-system.ts'
import { addWsdlServices, wsdl } from '../fakes/soap-service.ts'
import { startWorld } from '../world.ts'

const FOLDER = path.join(import.meta.dirname, '../vectors/x-road/soap')
const GUIDE = path.join(import.meta.dirname, '../../docs/interoperability.md')

const world = await startWorld()
t.teardown(() => world.stop())
const { tax, population } = world.servers
const system = await startProviderSystem(world.address(40))
t.teardown(() => system.close())

/** The codes of a member's subsystem with the prefix that the document has for identifiers. */
function codes(id: string, prefix: string): string {
  const names = ['xRoadInstance', 'memberClass', 'memberCode', 'subsystemCode']
  return id
    .split('/')
    .map((code, i) => `<${prefix}${names[i]}>${code}</${prefix}${names[i]}>`)
    .join('')
}

/** The document with our client and our provider in place of X-Road's; what is missing stays missing. */
function adapted(text: string, keepsClient = false): string {
  const place = (id: string) => (_all: string, start: string, inner: string, end: string) => {
    const prefix = /<([\w-]+:)?xRoadInstance/.exec(inner)?.[1] ?? ''
    const [rest = ''] = new RegExp(`<${prefix}serviceCode>[\\s\\S]*`).exec(inner) ?? []
    return `${start.replace(/"(?:MEMBER|SUBSYSTEM)"/, '"SUBSYSTEM"')}${codes(id, prefix)}${rest}${end}`
  }
  const asked = keepsClient
    ? text
    : text.replace(/(<(?:[\w-]+:)?client\b[^>]*>)([\s\S]*?)(<\/(?:[\w-]+:)?client>)/, place(tax.client))
  return asked
    .replace(/(<(?:xroad:|xrd:|ns\d:)?id>)[^<]*(<)/, '$1an-id-of-the-case$2')
    .replace(/(<(?:[\w-]+:)?service\b[^>]*>)([\s\S]*?)(<\/(?:[\w-]+:)?service>)/, place(population.client))
}

const isMultipart = (text: string): boolean => text.startsWith('--')
const read = (name: string): string => readFileSync(path.join(FOLDER, name), 'latin1')

/** As X-Road's tests put it on the wire: parts of a multipart with CRLF. */
function onWire(name: string, keepsClient = false): { type: string; body: Buffer } {
  const text = adapted(read(name), keepsClient)
  if (!isMultipart(text)) return { type: 'text/xml; charset=UTF-8', body: Buffer.from(text, 'latin1') }
  const boundary = /^--(\S+)/.exec(text)![1]!
  const body = Buffer.from(text.replaceAll(/\r?\n/g, '\r\n'), 'latin1')
  return { type: `multipart/related; charset=UTF-8; boundary="${boundary}"`, body }
}

const services = new Set(
  readdirSync(FOLDER).flatMap((name) => {
    const text = read(name)
    const code = /<(?:[\w-]+:)?serviceCode>([^<]+)</.exec(text)?.[1]
    const version = /<(?:[\w-]+:)?serviceVersion>([^<]+)</.exec(text)?.[1]
    return code === undefined ? [] : [version === undefined ? code : `${code}/${version}`]
  }),
)
for (const metadata of ['listMethods', 'allowedMethods', 'getWsdl']) services.delete(metadata)
await addWsdlServices(world.admin.population, {
  provider: population.client,
  document: wsdl(`${system.url}/soap`, [...services]),
  grants: [tax.client],
})

type Case = {
  query: string
  answer?: string
  /** The last part of X-Road's code; absent: carried out. */
  fault?: string
  /** The same of ours where docs/divergences.md names the difference. */
  ours?: string
  type?: string
  answerType?: string
  status?: number
  action?: string
  /** Its client stays who it is. */
  keep?: boolean
}

const FAILED = 'service_failed'
const CASES: Record<string, Case> = {
  Attachment: { query: 'attachm.query', answer: 'attachm.answer' },
  Attachment2: { query: 'attachm2.query', answer: 'attachm2.answer' },
  AttachmentFaulty: { query: 'attachm-error.query', fault: 'invalid_content_type', ours: 'invalid_body' },
  AttachmentFaultySoap: { query: 'attachm-faulty-soap.query', fault: 'missing_header_field' },
  AttachmentFaultySoapResponse: {
    query: 'getstate.query',
    answer: 'attachm-faulty-soap.query',
    fault: FAILED,
  },
  AttachmentMTOM: { query: 'attachm-mtom.query', answer: 'attachm-mtom.answer' },
  AttachmentNoSoap: { query: 'attachm-no-soap.query', fault: 'invalid_content_type' },
  AttachmentNoSoapResponse: { query: 'getstate.query', answer: 'attachm-no-soap.query', fault: FAILED },
  CDATAMessage: { query: 'cdata.query', answer: 'cdata.answer' },
  CommentMessage: { query: 'simple.query', answer: 'simple-comment.answer' },
  DefaultNamespaceMessage: { query: 'getstate-defaultnamespace.query', answer: 'getstate.answer' },
  EmptyMultipartRequest: {
    query: 'empty.query',
    type: 'multipart/related; boundary=a',
    fault: 'missing_soap',
  },
  EmptyMultipartResponse: {
    query: 'getstate.query',
    answer: 'empty.query',
    answerType: 'multipart/related; boundary=a',
    fault: FAILED,
  },
  EmptyQuery: { query: 'empty.query', fault: 'invalid_soap' },
  EmptyResponse: { query: 'getstate.query', answer: 'empty.query', fault: FAILED },
  FaultyHeader: { query: 'faulty-header2.query', fault: 'duplicate_header_field' },
  FaultyHeaderResponse: { query: 'getstate.query', answer: 'faulty-header.query', fault: FAILED },
  FaultyRequestContentType: {
    query: 'getstate.query',
    type: 'blah',
    fault: 'invalid_content_type',
  },
  FaultyResponseContentType: {
    query: 'getstate.query',
    answer: 'getstate.answer',
    answerType: 'blah',
    fault: FAILED,
  },
  MalformedBody1: { query: 'malformed-body1.query', fault: 'invalid_body' },
  MalformedBody2: { query: 'malformed-body2.query', fault: 'invalid_body' },
  MalformedBody3: { query: 'malformed-body3.query', fault: 'inconsistent_headers' },
  MalformedBodyResponse: { query: 'getstate.query', answer: 'malformed-body2.query', fault: FAILED },
  MalformedProtocolVersionHeader: {
    query: 'malformed-protocolVersion.query',
    fault: 'invalid_protocol_version',
  },
  MimeSoap: { query: 'mimesoap.query', answer: 'mimesoap.answer' },
  MissingBody: { query: 'missing-body.query', fault: 'missing_body' },
  MissingBodyResponse: { query: 'getstate.query', answer: 'missing-body.query', fault: FAILED },
  MissingHeader: { query: 'no-header.query', fault: 'missing_header' },
  MissingHeaderResponse: { query: 'getstate.query', answer: 'no-header.query', fault: FAILED },
  MissingObjectTypeMessage: { query: 'missingobjecttype.query', fault: 'invalid_xml' },
  MissingOrg: { query: 'missing-org.query', keep: true, fault: 'unknown_member' },
  MissingProtocolVersionHeader: { query: 'missing-protocolVersion.query', fault: 'missing_header_field' },
  MissingUserIdHeader: { query: 'missing-userId.query', answer: 'missing-userId.answer' },
  NoWhitespaceMessage: { query: 'nowhitespace.query', answer: 'nowhitespace.answer' },
  NonUtf8ResponseContentType: {
    query: 'getstate.query',
    answer: 'getstate-iso88591.answer',
    answerType: 'text/xml',
  },
  NormalMessage: { query: 'getstate.query', answer: 'getstate.answer' },
  NormalSubsystem: { query: 'getstate-subsystem.query', answer: 'getstate-subsystem.answer' },
  ResponseWithRequestHash: { query: 'getstate.query', answer: 'requesthash.answer' },
  ServerProxyAttachmentError: { query: 'getstate.query', answer: 'attachm-error.query', fault: FAILED },
  ServiceFaultyFault: { query: 'getstate.query', answer: 'faulty-fault.answer', fault: 'soap:Server' },
  ServiceFaultyMultipart: { query: 'getstate.query', answer: 'faulty-multipart.query', fault: FAILED },
  ServiceHttpError: { query: 'getstate.query', answer: 'getstate.answer', status: 404, fault: FAILED },
  ServiceReturnsFault: { query: 'getstate.query', answer: 'fault.query', fault: 'CODE' },
  SeveralAttachments: { query: 'attachments.query', answer: 'attachm.answer' },
  SeveralAttachmentsResponse: { query: 'attachments.query', answer: 'attachments.answer' },
  SoapActionEmptyHeader: { query: 'getstate.query', answer: 'getstate.answer', action: '' },
  SoapActionHeader: { query: 'getstate.query', answer: 'getstate.answer', action: '"http://example.org/a"' },
  SoapActionMalformedHeader: { query: 'getstate.query', action: '"not a URI', fault: 'invalid_soap_action' },
  SoapFaultToClientProxy: { query: 'fault.query', fault: 'CODE', ours: 'invalid_soap' },
  SplitHeaderMessage: { query: 'split-header.query', answer: 'split-header.answer' },
  Utf8BomNormalSubsystem: { query: 'getstate-subsystem.query', answer: 'getstate-subsystem.answer' },
  WrongProtocolVersionHeader: { query: 'wrong-protocolVersion.query', fault: 'invalid_protocol_version' },
  XmlEncodedMessage: { query: 'xmlencoded.query', answer: 'xmlencoded.answer' },
}

t.test("X-Road's cases", async (t) => {
  for (const [name, one] of Object.entries(CASES)) {
    const { type, body } = onWire(one.query, one.keep)
    const { answer } = one
    system.answer((_call, response) => {
      const answered = answer === undefined ? undefined : onWire(answer)
      response.writeHead(one.status ?? 200, {
        'Content-Type': one.answerType ?? answered?.type ?? 'text/xml',
      })
      response.end(answered?.body)
    })
    const mark = name.startsWith('Utf8Bom') ? Buffer.from([0xef, 0xbb, 0xbf]) : Buffer.alloc(0)
    const reply = await world.ask('tax', '/', {
      method: 'POST',
      headers: {
        'Content-Type': one.type ?? type,
        ...(one.action !== undefined && { SOAPAction: one.action }),
      },
      body: Buffer.concat([mark, body]),
    })
    const text = reply.body.toString()
    const fault = /<faultcode>([^<]*)</.exec(text)?.[1] ?? reply.headers['x-road-error']
    const expected = one.ours ?? one.fault
    if (expected === undefined)
      t.match(text, /requestHash/, `${name}: carried out (${fault} ${text.slice(0, 300)})`)
    else t.equal(fault?.split('.').at(-1), expected, name)
  }
})

t.test('the guide lists them', (t) => {
  const guide = readFileSync(GUIDE, 'utf8')
  for (const [name, { fault = 'carried out', ours }] of Object.entries(CASES)) {
    const outcome = ours === undefined ? 'the same' : `\`${ours}\``
    const said = fault === 'carried out' ? fault : `\`${fault}\``
    t.ok(guide.includes(`| ${name} | ${said} | ${outcome} |`), `| ${name} | ${said} | ${outcome} |`)
  }
  t.end()
})
