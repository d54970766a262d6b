/**
 * A message is the Buffer that is hashed, signed, sent, logged and proved, with what its codec read from it
 * and its body beside it. Nothing here knows whether it is REST or SOAP.
 */
import type { HeaderList } from '#core/transport/header-list.ts'
import type { SoapMessage } from '#core/transport/soap-message.ts'
import type { ClientId, ServerId, ServiceId } from '#schemas/identifiers.ts'
import { MONITORING } from '#schemas/upkeep-services.ts'
import type { Body, Content } from './body.ts'

/** What a signature covers. */
export type MessageParts = { message: Buffer; messageSha512: Buffer; body: Body | undefined }

/** How the message part is described in a multipart: it travels with the message, and nothing signs it. */
export type PartHead = { contentType: string; headers: HeaderList }

/** A message part as it was read. */
export type MessagePart = PartHead & { bytes: Buffer }

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
  protocol: 'REST' | 'SOAP'
  client: ClientId
  service: ServiceId
  /** The client's own id for its query. */
  id: string
  /** Made by the consumer's server, unique for each request. REST signs it, SOAP does not. */
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
  part: PartHead
  /** What its document says, where it is SOAP: the reply is compared with it. */
  soap?: SoapMessage
}

/** Every member may ask these of every provider (pr-meta). */
export const METADATA_SERVICES: Record<Request['protocol'], ReadonlySet<string>> = {
  REST: new Set(['listMethods', 'allowedMethods', 'getOpenAPI']),
  SOAP: new Set(['listMethods', 'allowedMethods', 'getWsdl']),
}

/**
 * What a security server tells of itself, as a service of its owner (pr-opmon); an agency's own services
 * belong to subsystems. They have no version: with one, an identifier in a record has as many parts as that
 * of a subsystem's service.
 */
export function isMonitoringService({ protocol, service }: Pick<Request, 'protocol' | 'service'>): boolean {
  const { subsystemCode, serviceCode, serviceVersion } = service
  const isOfMember = subsystemCode === undefined && serviceVersion === undefined
  return protocol === 'SOAP' && isOfMember && MONITORING.includes(serviceCode)
}

/** What a codec reads of a reply: the fields bind it to its request. */
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
  part: PartHead
}

export type ReplyMessage = MessageParts & { reply: Reply }

/** What a provider's system answers; `body` exists whenever there was an HTTP entity, even an empty one. */
export type SystemAnswer = {
  status: number
  reason: string
  headers: HeaderList
  /** The message in the answer, where the system writes it itself (SOAP). */
  message?: MessagePart | undefined
  body: Body | undefined
}

/** What the asking system gets. */
export type Answer = { status: number; reason: string; headers: HeaderList; body: Content | undefined }
