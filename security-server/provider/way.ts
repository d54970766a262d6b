/** How far a request has come: what a refusal can say about it, and what has to be given back when it ends. */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { RestRequest } from '#core/transport/rest-message.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { HeldTerms } from '../peer/held-terms.ts'
import type { Body, RecordReference, RequestMessage, Signed } from '../peer/message.ts'

export type Way = {
  /** The peer server, once its certificate was verified. */
  peer?: ServerId | undefined
  /** What verified it: judged again when the body, which may take long, is there. */
  proof?: { presented: Certificate[]; ocspResponses: Buffer[] } | undefined
  /** Ends the peer's claim on its quota. */
  leave?: (() => void) | undefined
  /** When the head of the message came, before its body: its signing time is compared with this. */
  arrived?: number | undefined
  /** Ends the hold on the replay keys that this message could repeat. */
  release?: (() => void) | undefined
  /** What the message says, not proved yet. */
  claimed?: { request: RestRequest; requestId: string } | undefined
  requestHash?: { message: Buffer; body: Buffer | undefined } | undefined
  /** The spooled body, until a record refers to it. */
  body?: Body | undefined
  /** The request once its signature was verified. */
  verified?: Signed<RequestMessage> | undefined
  /** What records say of what held, once the contract under which it goes is known. */
  terms?: HeldTerms | undefined
  /** The intent, once durable: from here on the provider's system may have been called. */
  intent?: RecordReference | undefined
}
