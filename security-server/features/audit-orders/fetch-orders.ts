/**
 * Asks the registry which audit orders this server has to answer. The server's owner signs the question; the
 * answer is accepted only if the registry signed it and it answers this question.
 */
import { randomUUID } from 'node:crypto'
import { isoTime, list, pattern, plainText, record, serverId } from '#core/contract/fields.ts'
import { uuid } from '#core/contract/read-content.ts'
import type { Clock } from '#platform/clock.ts'
import {
  AUDIT_DOCUMENT,
  AUDIT_LIMITS,
  type AuditOrderList,
  type AuditQuery,
  type ListedOrder,
} from '#schemas/audit-order.ts'
import { idText, memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { PostDocument } from '../../global-configuration/registration/client.ts'
import { takesDocuments, verifyAnswer } from '../../global-configuration/registration/verify-answer.ts'
import type { ConfigurationSnapshot } from '../../global-configuration/snapshot.ts'
import type { Keys } from '../../keys/keys.ts'

const PATH = '/registration/v1/audit-orders/lists'
const MAX_LIST_BYTES = 2 * 1024 * 1024
const text = (most: number) => pattern(new RegExp(`^[^\\0]{1,${most}}$`, 's'), 'a text')

const readList = record<AuditOrderList>({
  instance: plainText(255),
  server: serverId,
  answers: uuid,
  generatedAt: isoTime,
  orders: list(
    record<ListedOrder>({ order: text(AUDIT_LIMITS.orderBytes), receivedAt: isoTime, seed: text(16_384) }),
    0,
    AUDIT_LIMITS.listed,
  ),
})

export async function fetchOrders(q: {
  server: ServerId
  clock: Clock
  keys: Pick<Keys, 'signJson'>
  configuration(): ConfigurationSnapshot
  post: PostDocument
  /** The hashes of orders that this server already received. */
  has: string[]
}): Promise<ListedOrder[]> {
  const snapshot = q.configuration()
  if (!takesDocuments(snapshot)) return []
  const owner = memberOf(q.server)
  const [id, server] = [randomUUID(), idText(q.server)]
  const head = { id, createdAt: new Date(q.clock()).toISOString(), signer: idText(owner), server }
  const document: AuditQuery = { ...head, ...(q.has.length > 0 && { has: q.has }) }
  const signed = await q.keys.signJson({ document, type: AUDIT_DOCUMENT.query, member: owner })
  const bytes = await q.post(PATH, signed, MAX_LIST_BYTES)
  const form = { type: AUDIT_DOCUMENT.list, what: 'list of audit orders', maxBytes: MAX_LIST_BYTES }
  const question = { configuration: snapshot.index, server, question: id, now: q.clock() }
  return verifyAnswer(bytes, { ...form, read: readList }, question).orders
}
