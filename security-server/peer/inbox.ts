/**
 * What a request to a service without a system of its own is handed to; the list of features passes the
 * implementation in.
 */
import type { HeaderList } from '#core/transport/header-list.ts'
import type { ConsentMandate } from '#schemas/consents.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { BodyWriter, Content } from '../message/body.ts'
import type { Request, SystemAnswer } from '../message/message.ts'
import type { FieldsOnRecord } from './fields-on-record.ts'
import type { TermsOnRecord } from './terms-on-record.ts'

/** A verified, allowed and logged request to an inbox or a room. */
export type InboxRequest = {
  request: Request
  headers: HeaderList
  body: Content | undefined
  /** The security server that sent it. */
  peer: ServerId
  /** The index of its record in our log. */
  record: number
  terms: TermsOnRecord
  /** Throws what this client would be refused for now at another endpoint of the same service. */
  checkEndpoint(q: { method: 'POST'; path: string }): void
  /** Opens a body for the answer. */
  spool(): BodyWriter
}

export type Inbox = {
  /**
   * Answers when what has to be kept is durable. What fails before anything was kept carries the mark
   * NotSent; a repetition is answered like the first.
   */
  take(request: InboxRequest): Promise<SystemAnswer>
}

/** A verified, allowed and logged request to a tracker, in REST or in SOAP. */
export type TrackerRequest = Pick<InboxRequest, 'request' | 'body' | 'record' | 'spool'> & {
  /** The bytes of the message: in SOAP the question is in them. */
  message: Buffer
  /** The code of the person whom the user represents, confirmed by a mandate service. */
  represented: string | undefined
}

export type Tracker = {
  /**
   * Answers from what is logged. Only a POST in REST changes something. What cannot be answered is refused in
   * the answer.
   */
  take(request: TrackerRequest): Promise<SystemAnswer>
}

/** The mandate by which the user acts for somebody, as a mandate service confirmed it. */
export type ConfirmedMandate = ConsentMandate & {
  /** The code of the one whom they represent. */
  represented: string
}

/** A verified, allowed and logged request to the service that keeps the consents of people. */
export type ConsentServiceRequest = Pick<
  InboxRequest,
  'request' | 'headers' | 'body' | 'record' | 'spool'
> & {
  mandate: ConfirmedMandate | undefined
}

export type ConsentService = {
  /**
   * What was given or withdrawn is durable before it answers. What cannot be done is refused in the answer.
   */
  take(request: ConsentServiceRequest): Promise<SystemAnswer>
}

export type Room = {
  /**
   * As of an inbox; `fields` stands there where the contract names fields: the room held what it gives
   * against them.
   */
  take(request: InboxRequest): Promise<SystemAnswer & { fields?: FieldsOnRecord }>
}
