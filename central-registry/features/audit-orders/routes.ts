/**
 * Handlers of the operations on audit orders: file a signed order, list the orders, download encrypted
 * answers.
 */
import { checkInTime, readOrder, type VerifiedOrder } from '#core/audit-order/read-order.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { Clock } from '#platform/clock.ts'
import { answer } from '#platform/http-service/answer.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { AuditOrder } from '#schemas/audit-order.ts'
import { Fault } from '#schemas/fault.ts'
import { kept, say } from '#schemas/said.ts'
import type { Page } from '../../changes/store.ts'
import { instanceOf } from '../../members/instance.ts'
import { encodedId } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import { answerState } from './rules.ts'
import type { AuditOrderFilter, AuditOrderStore } from './store.ts'
import type { AuditOrderRow } from './tables.ts'

export type AuditAuthoritySettings = { name: string; certificateSha256: string }[]

export function auditOrderHandlers(q: {
  store: AuditOrderStore
  authorities: AuditAuthoritySettings
  members: Pick<MemberStore, 'parameters'>
  clock: Clock
}): Record<string, OperationHandler> {
  const { store, clock } = q
  const now = (): string => new Date(clock()).toISOString()
  const view = async (rows: AuditOrderRow[]) => {
    const servers = await store.servers(rows.map(({ id }) => id))
    return rows.map((row) => {
      const of = servers.filter(({ order_id }) => order_id === row.id)
      const { scope, sample } = orderIn(row)
      return {
        ...headOf(row),
        ...{ scope, sample },
        servers: of.map((one) => ({
          id: encodedId(one.server),
          state: answerState(one, row.deadline, now()),
          /**
           * Without a seed no sample can be drawn, because the server's log shows the witness no new
           * checkpoint.
           */
          hasSeed: one.seed !== null,
          matched: one.matched === null ? null : Number(one.matched),
          reason: kept(one.reason),
          answeredAt: one.answered_at,
        })),
      }
    })
  }
  return {
    addAuditOrder: async ({ body, caller }) => {
      if (!Buffer.isBuffer(body)) throw new Fault('malformed_json', { what: say`a signed order is needed` })
      const instance = await instanceOf(q.members)
      const read: VerifiedOrder = readOrder(body, { authorities: q.authorities, instance })
      checkInTime(read.order, clock())
      await store.add(read, { document: body, now: now(), by: caller.name })
      const [added] = await view([await store.get(read.order.id)])
      return answer(added, { status: 201 })
    },
    getAuditOrders: async ({ query }) => {
      const { offset, limit, ...given } = query as Page & Omit<AuditOrderFilter, 'at'>
      const filter = { ...given, at: now() }
      const rows = await store.list({ ...filter, offset, limit })
      return listAnswer(await view(rows), { offset, limit }, () => store.count(filter))
    },
    getAuditOrder: async ({ params }) => {
      const row = await store.get(params['id']!.toLowerCase())
      const [found] = await view([row])
      return { ...found, order: orderIn(row) }
    },
    downloadAuditAnswer: async ({ params }) => {
      const server = serverText(params['serverId']!)
      const document = await store.answer(params['id']!.toLowerCase(), server)
      const headers = { 'content-disposition': 'attachment; filename="audit-answer.json"' }
      return answer(Buffer.from(document), { headers })
    },
  }
}

function headOf({ id, sha256, authority, case_number, deadline, received_at, received_by }: AuditOrderRow) {
  return {
    ...{ id, sha256, authority, case: case_number, deadline },
    ...{ receivedAt: received_at, receivedBy: received_by },
  }
}

/** The payload of an order; its signature was verified when the order was filed. */
function orderIn({ document }: Pick<AuditOrderRow, 'document'>): AuditOrder {
  const { payload } = parseStrictJson(Buffer.from(document), { maxLength: document.length + 1 }) as {
    payload: string
  }
  return parseStrictJson(Buffer.from(payload, 'base64url')) as AuditOrder
}

/** The text form of an id; the API's form has colons. */
function serverText(encoded: string): string {
  return encoded.split(':').join('/')
}
