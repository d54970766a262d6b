/**
 * Takes what a security server tells of this log. Guarantees that the registry has such a log and that the
 * owner of the server signed the document within the accepted time, and counts each outcome.
 */
import type { Read } from '#core/contract/fields.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { DocumentHead } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { approvedNow, type DocumentRooms } from '../../documents/approved-now.ts'
import { asInput } from '../../documents/as-input.ts'
import type { SignedWith } from '../../documents/taken-store.ts'
import { ofOwner, verified } from '../../documents/verify-document.ts'

const MAX_BYTES = 64 * 1024

export type ToldRooms<L> = DocumentRooms & {
  /** Undefined where the settings have no `publicLog`. */
  log: L | undefined
  count(outcome: string): void
}

/** Answers an empty object once `take` has kept what was told. */
export function takeTold<L, T extends DocumentHead & { server: string }>(q: {
  rooms: ToldRooms<L>
  type: string
  document: Read<T>
  take(told: SignedWith<T>, log: L): Promise<void>
}): OperationHandler {
  const { rooms } = q
  return async ({ body }) => {
    try {
      if (!Buffer.isBuffer(body))
        throw new Fault('malformed_json', { what: say`a signed document is needed` })
      if (rooms.log === undefined)
        throw new Fault('not_found', { what: say`this registry has no log for everybody` })
      const configuration = await approvedNow(rooms)
      const trust = { configuration, now: rooms.clock(), maxBytes: MAX_BYTES }
      await q.take(
        asInput(() => ofOwner(verified(body, q.type, q.document, trust))),
        rooms.log,
      )
      rooms.count('ok')
      return {}
    } catch (thrown) {
      rooms.count(asFault(thrown).code)
      throw thrown
    }
  }
}
