/**
 * Guarantees that only a logged, signed request leaves, once, over a connection whose peer was verified;
 * gives the parts of the reply, its body spooled. A fault of the peer is thrown as it came.
 */
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { namedType } from '#core/transport/content-type.ts'
import { receivedFault } from '#core/transport/fault-xml.ts'
import { readStream } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type ServerId, subsystemOf } from '#schemas/identifiers.ts'
import { HEADER, PROXY_VERSION } from '#schemas/wire.ts'
import type { Codec, TransportHeader } from '../message/codec.ts'
import { createRateCheck } from '../message/minimum-rate.ts'
import type { PeerReply, PeerRequest } from '../peer/client.ts'
import { configurationHeaders } from '../peer/configuration-headers.ts'
import { beforeSending } from '../peer/not-sent.ts'
import { type ReceivedParts, readMessage } from '../peer/read-message.ts'
import { traceparentOf } from '../peer/trace.ts'
import { writeMessage } from '../peer/write-message.ts'
import { blamePeer } from './blame-peer.ts'
import type { LoggedRequest } from './log-request.ts'
import { PeerRefusal } from './peer-refusal.ts'
import type { ConsumerRooms } from './rooms.ts'

export type ReceivedReply = ReceivedParts & {
  server: ServerId
  /** When its head came; a large body may take longer than the window of the signing time. */
  arrived: number
  treeHead: string | undefined
  /** Of the transport message. */
  header: TransportHeader
  /**
   * Ends the memory of the request as it was sent: once it is known that the peer read all of it, as who
   * answers its hash did.
   */
  letGoOfRequest(): void
}

const MAX_FAULT_BYTES = 64 * 1024

export async function send(logged: LoggedRequest, rooms: ConsumerRooms): Promise<ReceivedReply> {
  const { course } = logged
  const { letGo, ...outgoing } = await beforeSending(() => transport(logged, rooms))
  course.requestOut = rooms.clock()
  const reply = await rooms.peerClient.post({
    provider: subsystemOf(logged.request.service),
    wanted: logged.request.securityServer,
    graceMs: logged.terms.graceMs,
    ...outgoing,
  })
  course.responseIn = rooms.clock()
  course.peer = reply.server
  try {
    const read = await blamePeer(() => readReply(reply, logged.codec, rooms))
    return { ...read, letGoOfRequest: letGo }
  } catch (cause) {
    // Unread it would hold its connection for ever.
    reply.content.destroy()
    throw cause
  }
}

async function readReply(
  reply: PeerReply,
  codec: Codec,
  rooms: ConsumerRooms,
): Promise<Omit<ReceivedReply, 'letGoOfRequest'>> {
  const arrived = rooms.clock()
  rooms.globalConfiguration.hear(reply.headers[HEADER.configurationHead])
  const type = reply.headers['content-type'] ?? ''
  const isStatus = reply.statusCode === 200 || reply.statusCode === 500
  if (isStatus && /^text\/xml\b/i.test(type)) throw await readFault(reply)
  // Often the page of a proxy or of another program at that port. Its text is nobody's business here.
  if (!isStatus || !/^multipart\/mixed\b/i.test(type)) {
    throw new Fault('http_error', {
      what: `${idText(reply.server)} answered ${reply.statusCode}, content type ${namedType(type)}`,
    })
  }
  if (reply.headers[HEADER.hashAlgorithm]?.toUpperCase() !== 'SHA-512') {
    throw new Fault('invalid_message', { what: `the reply says no ${HEADER.hashAlgorithm} of SHA-512` })
  }
  const parts = await readMessage({
    source: reply.content,
    contentType: type,
    codec,
    half: 'reply',
    spool: rooms.messageLog.spool,
    limits: rooms.limits,
    tooSlow: 'peer_timeout',
    onMessage: () => undefined,
  })
  const header: TransportHeader = (name) => reply.headers[name]
  const treeHead = header(HEADER.treeHead)?.slice(0, 4096)
  return { ...parts, server: reply.server, arrived, treeHead, header }
}

/**
 * Headers and content of the transport message; a streamed content is opened anew for each connection
 * attempt.
 */
function transport(
  logged: LoggedRequest,
  rooms: ConsumerRooms,
): Pick<PeerRequest, 'headers' | 'content'> & { letGo(): void } {
  const { codec, message, body, signature, request } = logged
  const { ocspResponses } = rooms.authenticationIdentity()
  const written = writeMessage({
    codec,
    part: request.part,
    ocspResponses,
    message,
    body,
    signature,
  })
  const headers: Record<string, string> = {
    'content-type': written.contentType,
    [HEADER.hashAlgorithm]: 'SHA-512',
    [HEADER.proxyVersion]: PROXY_VERSION,
    [HEADER.requestId]: request.requestId,
    ...codec.transportHeaders(request, 'request'),
    ...traceparentOf(logged.course),
    ...configurationHeaders(rooms.globalConfiguration.currentWithin(logged.terms.graceMs ?? 0)),
  }
  return { headers, content: written.content, letGo: written.letGo }
}

async function readFault(reply: PeerReply): Promise<Fault> {
  const fault = receivedFault(await faultBytes(reply.content))
  if (fault === undefined)
    throw new Fault('invalid_message', { what: `${idText(reply.server)} answered text/xml that is no fault` })
  const { [HEADER.refusal]: refusal, 'retry-after': retryAfter } = reply.headers
  return new PeerRefusal(fault, reply.server, { refusal, retryAfter })
}

async function faultBytes(content: PeerReply['content']): Promise<Buffer> {
  const tooLarge = (): Fault => new Fault('invalid_message', { what: 'the fault is too large' })
  const { write, bytes } = collectBytes(MAX_FAULT_BYTES, tooLarge)
  const checkRate = createRateCheck('peer_timeout')
  await readStream(content, (chunk) => {
    checkRate(chunk)
    write(chunk)
  })
  return bytes()
}
