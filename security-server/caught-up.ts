/**
 * What an administrator did at one node, or worker, their next call finds at any other: who calls over new
 * connections reaches another one each time. The nodes themselves look once a second.
 */
import type { Authenticate } from '#platform/sessions/authenticate.ts'

/**
 * Whoever is authenticated is answered by what all nodes have done; undefined where there are no others.
 * `catchUp` may fail: what needs the database then says so itself.
 */
export function caughtUp(
  authenticate: Authenticate,
  catchUp: (() => Promise<void>) | undefined,
): Authenticate {
  if (catchUp === undefined) return authenticate
  return async (authorization, request) => {
    const caller = await authenticate(authorization, request)
    await catchUp().catch(() => undefined)
    return caller
  }
}
