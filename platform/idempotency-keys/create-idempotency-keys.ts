/**
 * A call that changes something and bears an Idempotency-Key is carried out once, however often it arrives: whoever did not hear
 * the answer may send it again. The answer itself is not kept, since it may hold a secret: the second call is told that there
 * was a first. Taken up durably before anything is done, so that a crash between leaves it taken up, not done twice.
 */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Once } from '#platform/http-service/openapi.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { createIdempotencyKeyStore } from './store.ts'

/** As long as somebody might still send a call again; a key is a caller's own, so nobody uses up those of others. */
const KEPT_MS = 24 * 3_600_000

export function createIdempotencyKeys(q: { database: Database; clock: Clock }): Once {
  const store = createIdempotencyKeyStore(q.database)
  const isoTime = (ms: number): string => new Date(ms).toISOString()
  return async ({ key, caller, operation }, act) => {
    const now = q.clock()
    await store.forget(isoTime(now - KEPT_MS))
    if (!(await store.insert({ caller, key, operation, at: isoTime(now) }))) {
      const first = await store.find(caller, key)
      const when = first === undefined ? 'it is being taken back' : `${first.operation} at ${first.at}`
      throw new Fault('request_repeated', { what: when })
    }
    try {
      return await act()
    } catch (thrown) {
      // Refused: nothing was done, and the same call may be right later. A failure may have done a part.
      if (asFault(thrown).status < 500) await store.remove(caller, key).catch(() => undefined)
      throw thrown
    }
  }
}
