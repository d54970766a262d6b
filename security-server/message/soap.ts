/**
 * The message protocol for SOAP as a codec (pr-mess): the message is the client's document, its attachments
 * are the body.
 */
import { boundaryOf } from '#core/transport/content-type.ts'
import { receivedFault } from '#core/transport/fault-xml.ts'
import { checkId, type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { newBoundary, partHead } from '#core/transport/multipart-writer.ts'
import {
  checkPlain,
  checkSoapConsistency,
  checkSoapType,
  requestHashIn,
} from '#core/transport/soap-consistency.ts'
import type { SoapMessage } from '#core/transport/soap-message.ts'
import { insertRequestHash } from '#core/transport/soap-request-hash.ts'
import { Fault, isCodeOfServers } from '#schemas/fault.ts'
import { idText, type ServiceId } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import { attachmentFrame, takeNested } from './attachments.ts'
import type { Codec, RequestMessage } from './codec.ts'
import { isMonitoringService, type MessagePart, type PartHead, type Reply, type Request } from './message.ts'
import { readSoap } from './read-soap.ts'
import { actorsOf } from './rest.ts'
import { callOfSoap, seenOfSoap } from './seen-first.ts'
import { openContent, takeSoapAnswer, typeForPeer, writeContent } from './soap-content.ts'

const CONTENT_TYPE = 'Content-Type'
const SOAP_ACTION = 'SOAPAction'
/** SOAP 1.1 section 6.1.1: a quoted URI, or nothing; X-Road lets it be absent. */
const ACTION = /^(?:"[\w\-.~:/?#[\]@!$&'()*+,;=%]*")?$/
const NESTED = 'multipart/mixed'

export const soap: Codec = {
  name: 'SOAP',
  isMessage: (type) => type === 'text/xml' || type === 'application/xop+xml',
  maxMessageBytes: ({ maxSoapBytes }) => maxSoapBytes,
  bodyType: NESTED,
  bodyTaker: (contentType, q) => takeNested(boundaryOf(contentType), q),
  bodyFrame({ attachments = [] }, boundary) {
    const nested = newBoundary('xatt')
    const head = partHead(boundary, `${NESTED}; charset=UTF-8; boundary=${nested}`, false)
    return attachmentFrame({ head, boundary: nested, attachments })
  },
  async accept(arrival, ids, limits) {
    const contentType = onlyHeader(arrival.rawHeaders, 'content-type')
    const action = checkAction(onlyHeader(arrival.rawHeaders, 'soapaction'))
    const { content, from } = arrival
    const { part, takeAttachments, letGo } = await openContent({ contentType, content, limits, from })
    // Until it is read: large documents wait for their turn, and nobody knows yet whose they are.
    const request = await readRequest(part, {
      requestId: ids.requestId,
      headers: headersOf(contentType, action),
    }).finally(letGo)
    return { message: part.bytes, request, takeBody: takeAttachments }
  },
  readRequest(part, header) {
    checkPart(part)
    const action = checkAction(header(HEADER.originalSoapAction))
    const headers = headersOf(header(HEADER.originalContentType), action)
    const requestId = checkId(header(HEADER.requestId) ?? '', HEADER.requestId, 'invalid_header')
    return readRequest(part, { requestId, headers })
  },
  transportHeaders({ headers, part }, half) {
    const action = headerValue(headers, 'soapaction')
    return {
      [HEADER.originalContentType]: typeForPeer(headerValue(headers, 'content-type') ?? part.contentType),
      ...(half === 'request' && action !== undefined && { [HEADER.originalSoapAction]: action }),
    }
  },
  requestHash: ({ messageSha512 }) => messageSha512.toString('base64'),
  // The request id is not signed. A signature can cover a batch; the message says which of it this is.
  replayId: ({ signedInfoDigest, messageSha512, body }) =>
    [signedInfoDigest, messageSha512, body?.sha512]
      .map((digest) => digest?.toString('base64') ?? '')
      .join(' '),
  systemCall({ request, message, body, traceparent }) {
    const { headers, part } = request
    const { contentType, content } = writeContent({
      original: headerValue(headers, 'content-type'),
      ...{ part, message, body },
    })
    const action = headerValue(headers, 'soapaction')
    return {
      ...{ method: 'POST', path: '', query: undefined, body: content },
      // SOAP 1.1 wants an action (6.1.1); a packed answer could not be read.
      headers: [
        ...headersOf(contentType, action ?? '""'),
        ['Accept-Encoding', 'identity'],
        ...(traceparent === undefined ? [] : ([['traceparent', traceparent]] satisfies HeaderList)),
      ],
    }
  },
  previewReferences: ({ soap: read }) =>
    read?.previewReference === undefined ? [] : [read.previewReference],
  callDigest: callOfSoap,
  seenFirst: seenOfSoap,
  answerTaker({ status, headers }, q) {
    // A fault comes with status 500 (SOAP 1.1 section 6.2).
    if (status !== 200 && status !== 500)
      throw new Fault('service_failed', { what: `it answered with HTTP status ${status}` })
    return takeSoapAnswer(headerValue(headers, 'content-type'), q)
  },
  async writeReply({ headers, message: part }, asked) {
    if (part === undefined) throw new Fault('missing_soap', { what: 'the answer has no SOAP message' })
    const message = await withRequestHash(part, asked.messageSha512)
    const answered = await readSoap(message).catch((cause: unknown) => throwWhole(cause, part))
    checkSoapConsistency(soapOf(asked.request), answered)
    if (!answered.isResponse)
      throw new Fault('invalid_body', {
        what: `its element is not named ${asked.request.service.serviceCode}Response`,
      })
    const contentType = headerValue(headers, 'content-type')
    if (requestHashIn(answered) !== soap.requestHash(asked))
      throw new Fault('invalid_soap', { what: 'the hash of its request cannot be put into its header' })
    return { message, reply: replyOf(answered, soap.requestHash(asked), { part, asked, contentType }) }
  },
  async readReply(part, asked, header) {
    checkPart(part)
    const answered = await readSoap(part.bytes)
    if (!answered.isResponse)
      throw new Fault('inconsistent_response', { what: 'its element is not that of a response' })
    try {
      checkSoapConsistency(soapOf(asked.request), answered)
    } catch (cause) {
      throw new Fault('inconsistent_response', {
        what: cause instanceof Fault ? cause.what : undefined,
        cause,
      })
    }
    return replyOf(answered, requestHashIn(answered), {
      part,
      asked,
      contentType: header(HEADER.originalContentType),
    })
  },
  answerOf({ reply: { status, reason, headers, part }, message, body }) {
    const { contentType, content } = writeContent({
      original: headerValue(headers, 'content-type'),
      ...{ part, message, body },
    })
    return { status, reason, headers: headersOf(contentType), body: content }
  },
}

/** A document in which the place cannot be found is read for what is wrong with it: mostly it is a fault. */
async function withRequestHash(part: MessagePart, sha512: Buffer): Promise<Buffer> {
  try {
    return insertRequestHash(part.bytes, sha512)
  } catch (cause) {
    await readSoap(part.bytes).catch((wrong: unknown) => throwWhole(wrong, part))
    throw cause
  }
}

async function readRequest(
  part: MessagePart,
  { requestId, headers }: { requestId: string; headers: HeaderList },
): Promise<Request> {
  const read = await readSoap(part.bytes).catch(refuseFault)
  // Whoever verifies it later tells by this who has to have signed it.
  if (read.isResponse) throw new Fault('invalid_body', { what: 'its element is that of a response' })
  const { client, id, issue, securityServer } = read
  return {
    protocol: 'SOAP',
    ...{ client, id, requestId, securityServer, issue, headers },
    service: serviceOf(read),
    // The whole service: SOAP has no endpoints below it.
    ...{ method: 'POST', servicePath: '', query: undefined },
    actors: actorsOf(read),
    part: { contentType: part.contentType, headers: part.headers },
    soap: read,
  }
}

/** A fault of the system leaves as the system wrote it, unless it speaks as a security server. */
function throwWhole(cause: unknown, { bytes }: MessagePart): never {
  const { received } = cause instanceof Fault ? cause : {}
  if (received === undefined) throw cause
  if (isCodeOfServers(received.type))
    throw new Fault('service_failed', { what: 'its fault has a code of security servers' })
  throw Fault.fromPeer(receivedFault(bytes) ?? received)
}

function checkPart({ contentType, headers }: PartHead): void {
  checkSoapType(contentType)
  checkPlain(headerValue(headers, 'content-transfer-encoding'))
}

/** What we refuse we sign for: the words of who asks must not become ours. */
function refuseFault(cause: unknown): never {
  if (cause instanceof Fault && cause.received !== undefined)
    throw new Fault('invalid_soap', { what: 'a fault is no request' })
  throw cause
}

/**
 * What servers tell of themselves is the one service of a member: others cannot be registered, nor with
 * X-Road since version 6.
 */
function serviceOf({ service }: SoapMessage): ServiceId {
  if (service.subsystemCode === undefined && !isMonitoringService({ protocol: 'SOAP', service }))
    throw new Fault('unknown_service', { what: idText(service) })
  return service
}

/** What the document of a SOAP request says. */
export function soapOf({ soap: read }: Request): SoapMessage {
  if (read === undefined) throw new Fault('internal_error', { what: 'a request of another protocol' })
  return read
}

function replyOf(
  { client, service, id }: SoapMessage,
  requestHash: string,
  q: { part: MessagePart; asked: RequestMessage; contentType: string | undefined },
): Reply {
  const { contentType, headers } = q.part
  return {
    ...{ status: 200, reason: 'OK', headers: headersOf(q.contentType) },
    ...{ client, id, requestHash, requestId: q.asked.request.requestId },
    service: service as ServiceId,
    part: { contentType, headers },
  }
}

function headersOf(contentType: string | undefined, action?: string): HeaderList {
  const headers: HeaderList = []
  if (contentType !== undefined) headers.push([CONTENT_TYPE, contentType])
  if (action !== undefined) headers.push([SOAP_ACTION, action])
  return headers
}

/** The value of a header that may stand once. */
function onlyHeader(rawHeaders: string[], name: string): string | undefined {
  const values = rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name)
  if (values.length > 1) throw new Fault('duplicate_header_field', { what: name })
  return values[0]
}

function checkAction(action: string | undefined): string | undefined {
  if (action !== undefined && (action.length > 2_048 || !ACTION.test(action)))
    throw new Fault('invalid_soap_action')
  return action
}
