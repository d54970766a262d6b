/**
 * Answers SOAP requests by a WSDL document: held against its schemas, then the element of the answer, made in
 * their order and held against them too. The header comes back as it came, as X-Road wants it of a service.
 */
import { hash } from 'node:crypto'
import { createChoices, type Making } from '#core/openapi/choices.ts'
import { FAULT_CONTENT_TYPE, writeSoapFault } from '#core/transport/fault-xml.ts'
import { headerValue } from '#core/transport/header-list.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { collectDocuments } from '#core/wsdl/collect-documents.ts'
import { type CompiledWsdl, compileWsdl } from '#core/wsdl/compile-wsdl.ts'
import { BOUNDS } from '#core/wsdl/elements.ts'
import { makeElement } from '#core/wsdl/make-element.ts'
import { readOperations, type SoapOperations } from '#core/wsdl/read-operations.ts'
import { writeRequest } from '#core/wsdl/write-element.ts'
import { withXmlDocument, type XmlView } from '#core/xml/library.ts'
import { asFault, Fault, wireFault } from '#schemas/fault.ts'

import { MOCK_HEADER, type MockAnswer, type MockRequest } from './question.ts'
import { unpacked } from './unpack.ts'
import { plain, wordsOf } from './words.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
/** As for every SOAP document that is exchanged. */
const OF_MESSAGES = {
  bytes: 10 * 1024 * 1024,
  ...{ elements: 500_000, nodes: 1_000_000, depth: 256, scope: 1_000 },
}
const XML_TYPE = 'text/xml; charset=utf-8'
const SOAP_TYPE = /^\s*text\/xml\s*(?:;|$)/i

/** What a request holds: its header as bytes, and whether X-Road's fields are in it. */
type Read = { header: Buffer | undefined; isXRoad: boolean; namespace: string; name: string }
type Described = { compiled: CompiledWsdl; operationOf: SoapOperations['find']; text: string }

/** Throws `invalid_input` or `invalid_configuration` that says what in the document cannot be read. */
export async function answerByWsdl(text: string): Promise<(request: MockRequest) => Promise<MockAnswer>> {
  const compiled = await compileWsdl(text)
  // What it imports is not there, as for the judge.
  const documents = await collectDocuments(
    { name: 'the document', bytes: Buffer.from(text) },
    async () => undefined,
  )
  const described = { compiled, operationOf: readOperations(documents, undefined).find, text }
  return async (request) => {
    if (request.method === 'GET' && /^wsdl$/i.test(request.query ?? ''))
      return xml(Buffer.from(text), 'description')
    try {
      return await answer(request, described)
    } catch (thrown) {
      // SOAP has its own form of faults, with HTTP 200 as X-Road gives them (pr-mess).
      const bytes = writeSoapFault(wireFault(asFault(thrown), 'server.serverproxy'))
      return {
        ...xml(bytes, 'fault'),
        headers: [
          ['content-type', FAULT_CONTENT_TYPE],
          [MOCK_HEADER, 'fault'],
        ],
      }
    }
  }
}

async function answer(request: MockRequest, { compiled, operationOf }: Described): Promise<MockAnswer> {
  if (request.method !== 'POST') throw new Fault('invalid_http_method', { what: 'SOAP is asked with POST' })
  if (!SOAP_TYPE.test(headerValue(request.headers, 'content-type') ?? ''))
    throw new Fault('invalid_content_type', { what: 'the mock takes text/xml, without attachments' })
  const body = Buffer.from(unpacked(request) ?? new Uint8Array())
  const read = await readRequest(body)
  const operation = await serviceOf(read, body, compiled)
  const wrong = await compiled.judge({ protocol: 'SOAP', half: 'request', operation, body })
  if (wrong !== undefined) throw new Fault('not_as_described', { what: wordsOf(wrong) })
  const { output } = operationOf(operation.split('/', 1)[0]!)
  const choices = createChoices(`${operation} ${hash('sha256', body)}`)
  const making: Making = { document: {}, minor: 1, half: 'response', choices }
  const written = Buffer.concat([
    Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="${SOAP}">`),
    read.header ?? Buffer.alloc(0),
    Buffer.from(
      `<soap:Body>${writeRequest(output, makeElement(output, making))}</soap:Body></soap:Envelope>`,
    ),
  ])
  const lie = await compiled.judge({ protocol: 'SOAP', half: 'response', operation, body: written })
  if (lie !== undefined) throw new Fault('answer_not_makeable', { what: `${operation}: ${wordsOf(lie)}` })
  return xml(written, 'made')
}

/**
 * The service that X-Road's header names, which is checked as a security server does it; without one, that of
 * the element.
 */
async function serviceOf(read: Read, body: Buffer, { operations }: CompiledWsdl): Promise<string> {
  if (read.isXRoad) {
    const { service } = await parseSoapMessage(body)
    const { serviceCode, serviceVersion } = service
    return serviceVersion === undefined ? serviceCode : `${serviceCode}/${serviceVersion}`
  }
  for (const [name, { request }] of operations)
    if (request.name === read.name && request.namespace === read.namespace) return name
  throw new Fault('not_as_described', { what: 'body: its element is of no operation' })
}

function readRequest(bytes: Buffer): Promise<Read> {
  const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid_soap', { what, cause })
  return withXmlDocument(bytes, { ...BOUNDS, ...OF_MESSAGES, dropBlanks: false, refuse }, (root) => {
    if (!isSoap(root, 'Envelope')) throw refuse('the envelope is missing')
    const header = childrenOf(root).find((child) => isSoap(child, 'Header'))
    const content = childrenOf(root).find((child) => isSoap(child, 'Body'))
    const [element] = content === undefined ? [] : childrenOf(content)
    if (element === undefined) throw new Fault('missing_body')
    const isXRoad = header !== undefined && childrenOf(header).some(({ namespace }) => namespace === XROAD)
    const { namespace, name } = element
    return { header: header?.canonical('inclusive'), isXRoad, namespace, name }
  })
}

function childrenOf(element: XmlView): XmlView[] {
  return [...element.content()].filter((item) => typeof item !== 'string' && !('other' in item)) as XmlView[]
}

function isSoap({ namespace, name }: XmlView, local: string): boolean {
  return namespace === SOAP && name === local
}

function xml(body: Buffer, from: string): MockAnswer {
  return {
    status: 200,
    headers: [
      ['content-type', XML_TYPE],
      [MOCK_HEADER, plain(from)],
    ],
    body,
  }
}
