/**
 * Handlers for management requests at the registration listener. Every proof in a signed document is verified
 * before a row changes. A refused document is only counted and answered with a fault.
 */

import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { approvedNow, type DocumentRooms } from '../../documents/approved-now.ts'
import { verifyFiledRequest, verifyRevocation, verifyStatusQuery } from './proofs.ts'
import type { RequestRow } from './rows-store.ts'
import type { RequestStore } from './store.ts'

export type IntakeRooms = DocumentRooms & {
  store: RequestStore
  /** Called once for each document: with its purpose, and `ok` or the code of the fault. */
  count(purpose: 'file' | 'query' | 'revoke', outcome: string): void
}

/** The most requests in the answer to one status query. */
const MAX_STATUSES = 100

/** Handlers of the operations of schemas/registration-api.yaml. */
export function intakeHandlers(rooms: IntakeRooms): Record<string, OperationHandler> {
  const { store, clock, count } = rooms
  const counted =
    (purpose: 'file' | 'query' | 'revoke', act: (body: Buffer, now: number) => Promise<unknown>) =>
    async ({ body }: { body: unknown }): Promise<unknown> => {
      try {
        if (!Buffer.isBuffer(body))
          throw new Fault('malformed_json', { what: say`a signed document is needed` })
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

/** The status of a request, for the requester. */
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
