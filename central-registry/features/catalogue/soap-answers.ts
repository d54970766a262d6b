/**
 * The metadata services of SOAP (listMethods, getWsdl): questions as a system writes them, and their answers,
 * which strangers write. Pure.
 */
import { randomUUID } from 'node:crypto'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { createMultipartParser } from '#core/transport/multipart-parser.ts'
import { boundaryOf } from '#core/transport/multipart-reader.ts'
import { type SoapElement, withSoapDocument } from '#core/transport/soap-document.ts'
import { readService } from '#core/transport/soap-identifiers.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { escapeXml } from '#core/xml/escape.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseClientId, parseSubsystemId } from '#schemas/identifiers.ts'
import { MAX_DOCUMENT_BYTES, MAX_METHODS_BYTES, MOST_SERVICES, type OfferedService } from './read-answers.ts'

/** What tells one SOAP service of a subsystem from another. */
export type SoapCode = Pick<OfferedService, 'serviceCode' | 'serviceVersion'>
type Reply = { contentType: string; bytes: Buffer }

const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const MAX_HEADER_BYTES = 4096
/** The answer beside which the document is has nothing but a header. */
const MAX_ANSWER_BYTES = 64 * 1024

/** `code`, or `code/version`. */
export function keyOf({ serviceCode, serviceVersion }: SoapCode): string {
  return serviceVersion === undefined ? serviceCode : `${serviceCode}/${serviceVersion}`
}

/** `client` and `subsystem` are ids in text form. */
export function writeQuestion(q: { client: string; subsystem: string; wsdlOf?: SoapCode }): string {
  const { wsdlOf } = q
  const serviceCode = wsdlOf === undefined ? 'listMethods' : 'getWsdl'
  const code = wsdlOf && `<xrd:serviceCode>${escapeXml(wsdlOf.serviceCode)}</xrd:serviceCode>`
  const version =
    wsdlOf?.serviceVersion !== undefined &&
    `<xrd:serviceVersion>${escapeXml(wsdlOf.serviceVersion)}</xrd:serviceVersion>`
  return writeSoap(
    {
      client: parseClientId(q.client),
      service: { ...parseSubsystemId(q.subsystem), serviceCode },
      id: randomUUID(),
    },
    `<xrd:${serviceCode}>${code ?? ''}${version || ''}</xrd:${serviceCode}>`,
  )
}

/**
 * The SOAP services of the subsystem in an answer of listMethods. Throws the fault that stands there, or why
 * it is none.
 */
export async function readSoapMethods({ bytes }: Reply, subsystem: string): Promise<OfferedService[]> {
  if (bytes.length > MAX_METHODS_BYTES) throw unreadable('listMethods: it is too large')
  const listed = await withAnswer(bytes, 'listMethods', (response) =>
    response.children().map((one) => {
      if (one.namespace !== XROAD || one.name !== 'service') throw unreadable('listMethods: not a service')
      return readService(one)
    }),
  )
  if (listed.length > MOST_SERVICES)
    throw unreadable(`listMethods: at most ${MOST_SERVICES} services are read`)
  const services = listed.flatMap(({ serviceCode, serviceVersion, ...provider }): OfferedService[] => {
    if (idText(provider) !== subsystem) return []
    const version = serviceVersion === undefined ? {} : { serviceVersion }
    return [{ serviceCode, ...version, type: 'WSDL', endpoints: [] }]
  })
  return [...new Map(services.map((one) => [keyOf(one), one])).values()]
}

/** The document in an answer of getWsdl. Throws the fault that stands there, or why it is none. */
export async function readWsdlAnswer({ contentType, bytes }: Reply): Promise<Buffer> {
  if (!/^multipart\/related\b/i.test(contentType)) {
    await withAnswer(bytes, 'getWsdl', () => undefined)
    throw unreadable('getWsdl: there is no document beside the answer')
  }
  const parts: Buffer[] = []
  const parser = createMultipartParser({
    boundary: boundaryOf(contentType),
    limits: { maxParts: 2, maxHeaderBytes: MAX_HEADER_BYTES },
    dialect: 'systems',
    onPart: () => {
      const part = collectBytes(bytes.length, () => unreadable('getWsdl: it is too large'))
      return { write: part.write, end: () => void parts.push(part.bytes()) }
    },
  })
  // The handlers are synchronous, and therefore the parser too.
  void parser.push(bytes)
  parser.finish()
  const [answer, document] = parts
  if (answer === undefined || document === undefined) throw unreadable('getWsdl: two parts are needed')
  if (answer.length > MAX_ANSWER_BYTES) throw unreadable('getWsdl: its answer is too large')
  await withAnswer(answer, 'getWsdl', () => undefined)
  if (document.length > MAX_DOCUMENT_BYTES) throw unreadable('getWsdl: the document is too large')
  return document
}

/** Hands the element of a response to `read`. */
async function withAnswer<T>(bytes: Buffer, name: string, read: (response: SoapElement) => T): Promise<T> {
  const { element, isResponse } = await parseSoapMessage(bytes)
  if (!isResponse || element !== `${name}Response`) throw unreadable(`${name}: this is no answer to it`)
  return withSoapDocument(bytes, (envelope) => {
    const body = envelope.children().find((child) => child.name === 'Body')
    return read(body!.children()[0]!)
  })
}

function unreadable(what: string): Fault {
  return new Fault('invalid_input', { what })
}
