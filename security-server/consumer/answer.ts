/**
 * Guarantees that the client system gets the reply as it was signed: status, headers and body unchanged
 * (pr-rest).
 */
import type { Answer } from '../message/message.ts'
import { sizeOf } from '../peer/course.ts'
import type { Logged } from '../peer/log-message.ts'
import type { LoggedRequest } from './log-request.ts'
import type { VerifiedReply } from './verify-reply.ts'

/** With what the log line of the exchange says. */
export type LoggedAnswer = Answer & { facts: { index: number; bytes: number } }

/** Takes only a reply that is verified and durable. */
export function answer(kept: Logged<VerifiedReply>, { codec, course }: LoggedRequest): LoggedAnswer {
  course.answered = sizeOf(kept)
  course.status = kept.reply.status
  const facts = { index: kept.record.index, bytes: kept.body?.size ?? 0 }
  return { ...codec.answerOf(kept), facts }
}
