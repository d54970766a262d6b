/** What a protocol of messages is to the exchange: REST is one, SOAP would be a second; nothing else tells them apart. */
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Body } from './body.ts'
import type { Answer, MessageParts, Reply, Request } from './message.ts'

/** The head of a client system's HTTP request, raw. */
export type ClientHead = { method: string; url: string; rawHeaders: string[] }

/** How the provider's system is asked; path and query go behind the address of the service. */
type SystemCall = {
  method: string
  path: string
  query: string | undefined
  headers: HeaderList
  body: Body | undefined
}

export type Codec = {
  /** The value of x-road-message-type. */
  name: string
  /** Content types of the parts of its transport messages. */
  parts: { request: string; reply: string; body: string }
  /** Reads a client's request and gives it its ids: `generatedId` only when it has none. Throws faults of the client. */
  accept(
    head: ClientHead,
    ids: { requestId: string; generatedId: string },
  ): { message: Buffer; request: Request }
  /** Reads the message part that a peer sent; throws for anything that `accept` would not have made. */
  readRequest(message: Buffer): Request
  /** Headers of the transport message that say what the request is. */
  transportHeaders(request: Request): Record<string, string>
  /** The hash by which a reply and a refusal name their request, base64. */
  requestHash(asked: { messageSha512: Buffer; body: Pick<Body, 'sha512'> | undefined }): string
  systemCall(asked: Pick<RequestMessage, 'request' | 'body'>): SystemCall
  /** The message of a system's answer, bound to its request. Throws what may not stand in a message. */
  writeReply(answer: Answer, asked: RequestMessage): { message: Buffer; reply: Reply }
  readReply(message: Buffer): Reply
  /** What the asking system gets of a reply. */
  answerOf(message: { reply: Reply } & Pick<MessageParts, 'body'>): Answer
}

/** A request with the codec that read it. */
export type RequestMessage = MessageParts & { codec: Codec; request: Request }
