/**
 * Guarantees the parts of one transport message from a verified peer server, and that its body was spooled
 * only after the early refusal let it through. The request id in the message is the one of the transport
 * header.
 */
import type { Readable } from 'node:stream'
import { headerValue } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import type { Codec, RequestMessage } from '../message/codec.ts'
import { codecNamed } from '../message/known-codecs.ts'
import type { Request, SignedParts } from '../message/message.ts'
import { sizeOf } from '../peer/course.ts'
import { readMessage } from '../peer/read-message.ts'
import { instancesOf } from '../peer/verify-peer.ts'
import { identifyPeer, type Presented, type Visit } from './identify-peer.ts'
import { refuseEarly } from './refuse-early.ts'
import type { ProviderRooms } from './rooms.ts'
import { checkUploadTime } from './upload-time.ts'

/** A POST of a peer on our listener, its content unread. */
export type Arrival = Presented & { content: Readable }

/** What is known before the body was read. */
export type Met =
  /** The peer server is proved, its message not read. */
  | { step: 'peer'; visit: Visit }
  /** The message says so; nothing proves it yet. */
  | { step: 'claim'; visit: Visit; request: Request }

/** Whole, its signature beside it and not yet checked. */
export type Received = RequestMessage & SignedParts & { visit: Visit }

const MINIMUM_VERSION = /^\d+\.\d+\.\d+/

/** Tells `onMet` what it meets, for the refusal of what is thrown on the way. */
export async function receive(
  arrival: Arrival,
  onMet: (met: Met) => void,
  rooms: ProviderRooms,
): Promise<Received> {
  let arrived: number | undefined
  const { codec, contentType, requestId } = checkHeaders(arrival)
  const header = (name: string): string | undefined => {
    const value = arrival.headers[name]
    return typeof value === 'string' ? value : undefined
  }
  // Of strangers nothing is read; whom the certificate stands for is proved with the first parts.
  const [instance, ...others] = instancesOf(
    arrival.presented[0],
    rooms.globalConfiguration.currentWithin(ANY_GRACE),
  )
  const reading = rooms.beginReading(arrival.presented[0]?.sha256 ?? '')
  const { head, message, messageSha512, body, signature } = await readMessage({
    source: arrival.content,
    contentType,
    codec,
    half: 'request',
    spool: rooms.messageLog.spool,
    limits: rooms.limits,
    tooSlow: 'request_timeout',
    onProgress: () => checkUploadTime(arrived, rooms),
    onKept: reading.count,
    onMessage: async (part, ocspResponses) => {
      // Where several registries have its certificate, that of the claimed client says whose server it is.
      const claimed = others.length === 0 ? undefined : await codec.readRequest(part, header)
      const { instance: claims = instance } = claimed?.client ?? {}
      const visit = identifyPeer(arrival, { instance: claims, ocspResponses }, rooms)
      arrived = visit.arrived
      onMet({ step: 'peer', visit })
      const request = claimed ?? (await codec.readRequest(part, header))
      visit.course.trace = rooms.tracing.begin(
        header('traceparent') ?? headerValue(request.headers, 'traceparent'),
      )
      onMet({ step: 'claim', visit, request })
      if (request.requestId !== requestId) throw new Fault('inconsistent_headers', { what: HEADER.requestId })
      refuseEarly(request, visit, rooms)
      // From here on its quota bounds it.
      reading.end()
      return { visit, request }
    },
  }).finally(reading.end)
  head.visit.course.asked = sizeOf({ message, body })
  return { ...head, codec, message, messageSha512, body, signature }
}

function checkHeaders(arrival: Arrival): { codec: Codec; contentType: string; requestId: string } {
  const header = (name: string): string => {
    const value = arrival.headers[name]
    if (typeof value !== 'string' || value === '') throw new Fault('missing_header', { what: name })
    return value
  }
  const codec = codecNamed(arrival.headers[HEADER.messageType])
  if (header(HEADER.hashAlgorithm).toUpperCase() !== 'SHA-512') {
    throw new Fault('invalid_message', { what: `${HEADER.hashAlgorithm} has to be SHA-512` })
  }
  if (!MINIMUM_VERSION.test(header(HEADER.proxyVersion)))
    throw new Fault('client_proxy_version_not_supported')
  return { codec, contentType: header('content-type'), requestId: header(HEADER.requestId) }
}
