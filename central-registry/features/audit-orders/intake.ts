/**
 * Handlers for servers at the registration listener: a server asks which audit orders it has to answer, and
 * sends its answers.
 */
import { checkAnswer } from '#core/audit-order/read-answer.ts'
import { isoTime, list, optional, record, serverId, unique } from '#core/contract/fields.ts'
import { memberId, sha256, uuid } from '#core/contract/read-content.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { AUDIT_DOCUMENT, AUDIT_LIMITS, type AuditOrderList, type AuditQuery } from '#schemas/audit-order.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import type { DocumentRooms } from '../../documents/approved-now.ts'
import { approvedNow } from '../../documents/approved-now.ts'
import { ofOwner, verified } from '../../documents/verify-document.ts'
import type { AuditOrderStore } from './store.ts'

type AuditIntakeRooms = DocumentRooms & {
  store: AuditOrderStore
  signDocument: SignDocument
  count(purpose: 'query' | 'answer', outcome: string): void
}

const query = record<AuditQuery>({
  ...{ id: uuid, createdAt: isoTime, signer: memberId, server: serverId },
  has: optional(unique(list(sha256, 1, AUDIT_LIMITS.held), String)),
})

export function auditIntakeHandlers(rooms: AuditIntakeRooms): Record<string, OperationHandler> {
  const { store, clock } = rooms
  const counted =
    (purpose: 'query' | 'answer', act: (body: Buffer, now: number) => Promise<unknown>) =>
    async ({ body }: { body: unknown }): Promise<unknown> => {
      try {
        if (!Buffer.isBuffer(body))
          throw new Fault('malformed_json', { what: say`a signed document is needed` })
        const answer = await act(body, clock())
        rooms.count(purpose, 'ok')
        return answer
      } catch (thrown) {
        rooms.count(purpose, asFault(thrown).code)
        throw thrown
      }
    }
  return {
    listAuditOrders: counted('query', async (body, now) => {
      const configuration = await approvedNow(rooms)
      const asked = ofOwner(verified(body, AUDIT_DOCUMENT.query, query, { configuration, now }))
      const { server } = asked
      const orders = await store.handOut(asked, now)
      const { instance } = configuration
      const generatedAt = new Date(clock()).toISOString()
      const answer: AuditOrderList = { instance, server, answers: asked.id, generatedAt, orders }
      return Buffer.from(await rooms.signDocument(answer, AUDIT_DOCUMENT.list))
    }),
    answerAuditOrder: counted('answer', async (body, now) => {
      const configuration = await approvedNow(rooms)
      const trust = { configuration, now, maxBytes: AUDIT_LIMITS.answerBytes }
      const given = ofOwner(verified(body, AUDIT_DOCUMENT.answer, checkAnswer, trust))
      return { id: await store.take(given, { document: body, now }), order: given.order }
    }),
  }
}
