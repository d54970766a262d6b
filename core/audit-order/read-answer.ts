/**
 * Checks the form of a server's answer to an audit order: exactly its fields, with either a sealed answer or
 * a refusal and its reason.
 */
import {
  integer,
  isoTime,
  list,
  oneOf,
  optional,
  pattern,
  plainText,
  record,
  serverId,
  unique,
} from '#core/contract/fields.ts'
import { memberId, sha256, uuid } from '#core/contract/read-content.ts'
import { AUDIT_LIMITS, AUDIT_OUTCOMES, type AuditAnswer } from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'

const MAX_NOTE = 16_384
const base64 =
  (most: number) =>
  (value: unknown, at: string): string => {
    if (
      typeof value !== 'string' ||
      value.length > most ||
      Buffer.from(value, 'base64').toString('base64') !== value
    )
      throw new Fault('invalid_contract', { what: `${at} is no base64` })
    return value
  }
const index = integer(0, Number.MAX_SAFE_INTEGER)

const form = record<AuditAnswer>({
  id: uuid,
  createdAt: isoTime,
  signer: memberId,
  server: serverId,
  order: sha256,
  outcome: oneOf(AUDIT_OUTCOMES),
  reason: optional(plainText(500)),
  seed: pattern(new RegExp(`^[^\\0]{1,${MAX_NOTE}}$`, 's'), 'the text of a checkpoint'),
  matched: integer(0, AUDIT_LIMITS.matched),
  sample: unique(list(index, 0, AUDIT_LIMITS.sample), String),
  sealed: optional(
    record<NonNullable<AuditAnswer['sealed']>>({
      enc: base64(44),
      ciphertext: base64(AUDIT_LIMITS.answerBytes),
    }),
  ),
})

/** Throws `audit_answer_wrong`. */
export function checkAnswer(document: unknown): AuditAnswer {
  let answer: AuditAnswer
  try {
    answer = form(document, 'answer')
  } catch (thrown) {
    if (thrown instanceof Fault)
      throw new Fault('audit_answer_wrong', { what: thrown.what ?? thrown.message })
    throw thrown
  }
  const isAnswered = answer.outcome === 'answered'
  if (isAnswered !== (answer.sealed !== undefined) || isAnswered !== (answer.reason === undefined))
    throw new Fault('audit_answer_wrong', { what: 'it is either sealed, or refused with a reason' })
  return answer
}
