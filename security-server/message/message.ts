/**
 * A message is the Buffer that is hashed, signed, sent, logged and proved, with what its codec read from it and its body beside it.
 * Nothing here knows whether it is REST or SOAP.
 */
import type { HeaderList } from '#core/transport/header-list.ts'
import type { ClientId, ServerId, ServiceId } from '#schemas/identifiers.ts'
import type { Body } from './body.ts'

/** What a signature covers. */
export type MessageParts = { message: Buffer; messageSha512: Buffer; body: Body | undefined }

/** What proves a message: signatures.xml and, for a batch or a body, the hash chain that leads to it. */
export type MessageSignature = {
  signatures: Buffer
  hashChainResult?: Buffer | undefined
  hashChain?: Buffer | undefined
}

/** Parts with a signature beside them: of our member, or one that a peer sent and nobody checked yet. */
export type SignedParts = MessageParts & { signature: MessageSignature }

/** What a codec reads of a request. */
export type Request = {
  client: ClientId
  service: ServiceId
  /** The client's own id for its query. */
  id: string
  /** Ours, unique for each request: the replay key. */
  requestId: string
  securityServer: ServerId | undefined
  /** The endpoint, of which access rights and contracts speak: method and raw path below the service. */
  method: string
  servicePath: string
  /** Raw. */
  query: string | undefined
  headers: HeaderList
  issue: string | undefined
  /** Whom the request names as acting, as records have it and searches find it. */
  actors: Record<string, string>
}

/** What a codec reads of a reply: five fields bind it to its request. */
export type Reply = {
  status: number
  reason: string
  headers: HeaderList
  client: ClientId
  service: ServiceId
  id: string
  requestId: string
  /** Base64, see `Codec.requestHash`. */
  requestHash: string
}

export type ReplyMessage = MessageParts & { reply: Reply }

/** What a system answers, and what the asking system gets; `body` exists whenever there was an HTTP entity, even an empty one. */
export type Answer = { status: number; reason: string; headers: HeaderList; body: Body | undefined }
