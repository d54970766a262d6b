/**
 * What a protocol of messages is to the exchange: REST is one, SOAP the other; nothing else tells them apart.
 */
import type { Readable } from 'node:stream'
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Body, BodySpool, Content, Taker } from './body.ts'
import type { Frame } from './frame-body.ts'
import type {
  Answer,
  MessagePart,
  MessageParts,
  Reply,
  ReplyMessage,
  Request,
  SystemAnswer,
} from './message.ts'
import type { SeenAnswer, Unseen } from './seen-first.ts'

/** The head of a client system's HTTP request, raw, and its content, of which nothing was read. */
export type ClientRequest = {
  method: string
  url: string
  rawHeaders: string[]
  /** Undefined when the request has no body. */
  content: Readable | undefined
  /** The network address of the system; absent for what this server sends of itself. */
  from?: string | undefined
}

/** The most octets of a message and of its body. */
export type ReadLimits = { maxMessageBytes: number; maxSoapBytes: number; maxBodyBytes: number }

export type AcceptedMessage = {
  message: Buffer
  request: Request
  /** Reads the rest of the content, its body, into the spool; the content is left as it is on failure. */
  takeBody(spool: BodySpool): Promise<Body | undefined>
}

/** How the provider's system is asked; path and query go behind the address of the service. */
type SystemCall = {
  method: string
  path: string
  query: string | undefined
  headers: HeaderList
  body: Content | undefined
}

/** Header of a transport message by its name (lower case); undefined when absent. */
export type TransportHeader = (name: string) => string | undefined

export type Codec = {
  /** The protocol as the transport header x-road-message-type names it; SOAP is what has no such header. */
  name: 'REST' | 'SOAP'
  /**
   * Whether a part of this type (lower case, no parameters) can be the message; the most octets that it may
   * have.
   */
  isMessage(type: string, half: 'request' | 'reply'): boolean
  maxMessageBytes(limits: ReadLimits): number
  /** The type of the part that has the body. */
  bodyType: string
  /** Takes the part that has the body; `contentType` is its own. */
  bodyTaker(contentType: string, q: { spool: BodySpool; maxBytes: number }): Taker<Body>
  /** What stands around the pieces of the body in the part that has it. */
  bodyFrame(body: Body, boundary: string): Frame
  /**
   * Reads a client's request and gives it its ids: `generatedId` only when it has none. Throws faults of the
   * client.
   */
  accept(
    arrival: ClientRequest,
    ids: { requestId: string; generatedId: string },
    limits: ReadLimits,
  ): Promise<AcceptedMessage>
  /** Reads the message part that a peer sent; throws for anything that `accept` would not have made. */
  readRequest(part: MessagePart, header: TransportHeader): Request | Promise<Request>
  /** Headers of the transport message that say what the request or the reply is. */
  transportHeaders(
    said: Pick<Request | Reply, 'headers' | 'part'>,
    half: 'request' | 'reply',
  ): Record<string, string>
  /** The hash by which a reply and a refusal name their request, base64. */
  requestHash(asked: { messageSha512: Buffer; body: Pick<Body, 'sha512'> | undefined }): string
  /** What is signed of a request and no other request has: with the peer it is the replay key. */
  replayId(asked: RequestMessage & { signedInfoDigest: Buffer }): string
  /** `traceparent` is for protocols whose requests do not have the client's own. */
  systemCall(
    asked: Pick<RequestMessage, 'request' | 'message' | 'body'> & { traceparent?: string },
  ): SystemCall
  /** What the client gave as the reference of an answer that a person sees first. */
  previewReferences(request: Request): string[]
  /** SHA-256, hex, over all that makes two calls the same. Throws what makes a message none. */
  callDigest(asked: RequestMessage): string | Promise<string>
  /**
   * What a person is shown of an answer that they see first; nothing else leaves. Throws `service_failed` for
   * the fault of a system.
   */
  seenFirst(answer: SystemAnswer, asked: RequestMessage, mostBytes: number): Promise<SeenAnswer | Unseen>
  /**
   * Takes the content of a system's answer. `isForXRoad`: the asking server may be one, which reads less than
   * ours.
   */
  answerTaker(
    head: Pick<SystemAnswer, 'status' | 'headers'>,
    q: { spool: BodySpool; limits: ReadLimits; isForXRoad: boolean },
  ): Taker<Pick<SystemAnswer, 'message' | 'body'>>
  /** The message of a system's answer, bound to its request. Throws what may not stand in a message. */
  writeReply(answer: SystemAnswer, asked: RequestMessage): Promise<{ message: Buffer; reply: Reply }>
  /** Reads a reply to `asked`; whether it is one is for `verifyReply` to say. */
  readReply(part: MessagePart, asked: RequestMessage, header: TransportHeader): Reply | Promise<Reply>
  /** What the asking system gets of a reply. */
  answerOf(kept: Pick<ReplyMessage, 'reply' | 'message' | 'body'>): Answer
}

/** A request with the codec that read it. */
export type RequestMessage = MessageParts & { codec: Codec; request: Request }
