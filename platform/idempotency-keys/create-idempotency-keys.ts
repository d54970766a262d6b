/**
 * Carries out a change with an Idempotency-Key only once, however often the call arrives: a caller who did
 * not get the answer may send it again. The answer is not stored, since it may contain a secret; the second
 * call is refused with a hint that there was a first one. The call is recorded durably before anything is
 * done, so a crash can leave it undone, but never done twice.
 */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Once } from '#platform/http-service/openapi.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { createIdempotencyKeyStore } from './store.ts'

/**
 * As long as somebody may still repeat a call. Keys belong to their caller, so nobody can use up those of
 * others.
 */
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
      // Refused: nothing was done, and the same call may be right later. After a failure a part may have been
      // done, so the key stays.
      if (asFault(thrown).status < 500) await store.remove(caller, key).catch(() => undefined)
      throw thrown
    }
  }
}
