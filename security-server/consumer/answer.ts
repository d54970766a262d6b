/** Guarantees that the client system gets the reply as it was signed: status, headers and body unchanged (wire 1.3). */
import type { HeaderList } from '#core/transport/rest-message.ts'
import type { Body, Logged } from '../peer/message.ts'
import type { VerifiedReply } from './verify-reply.ts'

export type Answer = {
  status: number
  reason: string
  headers: HeaderList
  body: Body | undefined
  facts: ExchangeFacts
}

/** What the log line of the exchange says. */
type ExchangeFacts = { index: number; bytes: number }

/** Takes only a reply that is verified and durable. */
export function answer(kept: Logged<VerifiedReply>): Answer {
  const { status, reason, headers } = kept.response
  return {
    status,
    reason,
    headers,
    body: kept.body,
    facts: { index: kept.record.index, bytes: kept.body?.size ?? 0 },
  }
}
