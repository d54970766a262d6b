/**
 * The public side of management requests: every proof of a signed document is verified before a row is touched. A refused
 * one leaves a count and a fault, nothing else.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { approvedCas } from '../../configuration/assemble.ts'
import { instanceOf } from '../../members/instance.ts'
import type { MemberStore } from '../../members/store.ts'
import { indexApproved } from '../../trust/approved.ts'
import type { TrustStore } from '../../trust/store.ts'
import { verifyFiledRequest, verifyRevocation, verifyStatusQuery } from './proofs.ts'
import type { RequestRow } from './rows-store.ts'
import type { RequestStore } from './store.ts'

export type IntakeRooms = {
  store: RequestStore
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
  clock: Clock
  /** Called once for each document: what it was, and `ok` or the code of the fault. */
  count(purpose: 'file' | 'query' | 'revoke', outcome: string): void
}

/** The most that one status query tells. */
const MAX_STATUSES = 100

/** Handlers of the operations of schemas/registration-api.yaml. */
export function intakeHandlers(rooms: IntakeRooms): Record<string, OperationHandler> {
  const { store, clock, count } = rooms
  const counted =
    (purpose: 'file' | 'query' | 'revoke', act: (body: Buffer, now: number) => Promise<unknown>) =>
    async ({ body }: { body: unknown }): Promise<unknown> => {
      try {
        if (!Buffer.isBuffer(body)) throw new Fault('malformed_json', { what: 'a signed document is needed' })
        const answer = await act(body, clock())
        count(purpose, 'ok')
        return answer
      } catch (thrown) {
        count(purpose, asFault(thrown).code)
        throw thrown
      }
    }
  return {
    fileManagementRequest: counted('file', async (message, now) => {
      const configuration = await approvedNow(rooms)
      const { request, facts } = verifyFiledRequest(message, { configuration, now })
      return statusOf(await store.file(request, [{ facts, message }], now))
    }),
    getManagementRequestStates: counted('query', async (message, now) => {
      const query = verifyStatusQuery(message, { configuration: await approvedNow(rooms), now })
      return (await store.statusFor(query, now, MAX_STATUSES)).map(statusOf)
    }),
    revokeOwnManagementRequest: counted('revoke', async (message, now) => {
      const revocation = verifyRevocation(message, { configuration: await approvedNow(rooms), now })
      return statusOf(await store.revokeOwn(revocation, now))
    }),
  }
}

/** The approved CAs as servers will know them, read anew for each document: a CA withdrawn counts no more. */
export async function approvedNow(
  rooms: Pick<IntakeRooms, 'members' | 'trust' | 'ocspFreshnessSeconds'>,
): Promise<ConfigurationIndex> {
  const { trust } = rooms
  return indexApproved({
    instance: await instanceOf(rooms.members),
    approvedCas: approvedCas({
      services: await trust.services(),
      authorities: await trust.authorities(),
      responders: await trust.responders(),
    }),
    profiles: await trust.profiles(),
    ocspFreshnessSeconds: rooms.ocspFreshnessSeconds,
  })
}

/** What a requester is told of its request. */
export function statusOf(row: RequestRow): RequestStatus {
  return {
    request: row.id,
    kind: row.kind,
    state: row.state,
    server: row.server,
    client: row.client ?? undefined,
    filedAt: row.filed_at,
    decidedAt: row.decided_at ?? undefined,
    reason: row.reason ?? undefined,
  }
}
