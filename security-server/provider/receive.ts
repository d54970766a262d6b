/**
 * Guarantees the parts of one transport message from a verified peer server, and refuses, before a byte of the body is
 * spooled, what no signature could make acceptable: a foreign client, an unknown service, a client without any right. The
 * request id in the message is the one of the transport header.
 */
import type { Readable } from 'node:stream'
import type { Certificate } from '#core/certificate/certificate.ts'
import { parseRestRequest } from '#core/transport/rest-message.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { HEADER, PART_TYPE } from '#schemas/wire.ts'
import type { RequestMessage, Signed } from '../peer/message.ts'
import { readMessage } from '../peer/read-message.ts'
import { registeredServer } from '../peer/verify-peer.ts'
import { checkRights } from './check-contract.ts'
import { checkRegistered } from './check-registered.ts'
import type { ProviderRooms } from './rooms.ts'
import { checkUploadTime } from './upload-time.ts'
import type { Way } from './way.ts'

/** A POST of a peer on our listener, its content unread. */
export type Arrival = {
  headers: Record<string, string | string[] | undefined>
  content: Readable
  /** The chain of the TLS handshake. */
  presented: Certificate[]
  /** 'TLSv1.3', or an older one that only some peers may use. */
  protocol: string | null
}

const MINIMUM_VERSION = /^\d+\.\d+\.\d+/

export async function receive(
  arrival: Arrival,
  way: Way,
  rooms: ProviderRooms,
): Promise<Signed<RequestMessage>> {
  const headers = checkHeaders(arrival)
  // Of strangers nothing is read; whom the certificate stands for is proved with the first parts.
  registeredServer(arrival.presented[0], rooms.globalConfiguration.current())
  const parts = await readMessage({
    source: arrival.content,
    contentType: headers.contentType,
    messageType: PART_TYPE.restRequest,
    spool: rooms.messageLog.spool,
    limits: rooms.limits,
    tooSlow: 'request_timeout',
    onProgress: () => checkUploadTime(way, rooms),
    onMessage: (message, ocspResponses) => {
      identifyPeer(arrival, ocspResponses, way, rooms)
      const request = parseRestRequest(message)
      way.claimed = { request, requestId: request.requestId! }
      if (request.requestId !== headers.requestId)
        throw new Fault('inconsistent_headers', { what: HEADER.requestId })
      refuseEarly(way, rooms)
    },
  })
  const { request, requestId } = way.claimed!
  const { message, messageSha512, body, signature } = parts
  way.body = body
  way.requestHash = { message: messageSha512, body: body?.sha512 }
  return {
    request,
    requestId,
    message,
    messageSha512,
    body,
    signature,
  } as unknown as Signed<RequestMessage>
}

function checkHeaders(arrival: Arrival): { contentType: string; requestId: string } {
  const header = (name: string): string => {
    const value = arrival.headers[name]
    if (typeof value !== 'string' || value === '') throw new Fault('missing_header', { what: name })
    return value
  }
  if (arrival.headers[HEADER.messageType] !== 'REST') {
    throw new Fault('service_type', { what: 'this security server exchanges REST messages' })
  }
  if (header(HEADER.hashAlgorithm).toUpperCase() !== 'SHA-512') {
    throw new Fault('invalid_message', { what: `${HEADER.hashAlgorithm} has to be SHA-512` })
  }
  if (!MINIMUM_VERSION.test(header(HEADER.proxyVersion)))
    throw new Fault('client_proxy_version_not_supported')
  return { contentType: header('content-type'), requestId: header(HEADER.requestId) }
}

function identifyPeer(arrival: Arrival, ocspResponses: Buffer[], way: Way, rooms: ProviderRooms): void {
  const snapshot = rooms.globalConfiguration.current()
  const { presented, protocol } = arrival
  const { server } = rooms.verifyPeer({ presented, ocspResponses, snapshot, at: rooms.clock() })
  if (protocol !== 'TLSv1.3' && !rooms.xroadTlsPeers.has(idText(server.id))) {
    throw new Fault('tls_profile_not_allowed', { what: `${idText(server.id)} came by ${protocol}` })
  }
  const head = arrival.headers[HEADER.configurationHead]
  rooms.globalConfiguration.hear(typeof head === 'string' ? head : undefined)
  way.peer = server.id
  way.proof = { presented, ocspResponses }
  way.leave = rooms.quota.enter(server.id)
  way.arrived = rooms.clock()
  way.release = rooms.messageLog.holdReplayKeys(way.arrived)
}

/** On claims that are not verified yet: passing here proves nothing, failing here saves reading the body. */
function refuseEarly(way: Way, rooms: ProviderRooms): void {
  const { request } = way.claimed!
  checkRegistered(request, way.peer!, rooms)
  if (request.securityServer !== undefined && idText(request.securityServer) !== idText(rooms.server)) {
    throw new Fault('invalid_security_server', { what: `this is ${idText(rooms.server)}` })
  }
  rooms.messageLog.checkUsable()
  checkRights(request, rooms)
}
