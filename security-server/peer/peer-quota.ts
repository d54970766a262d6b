/**
 * Guarantees that no peer uses up a server: bounds each peer's concurrent requests and its requests per
 * second.
 */
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServerId } from '#schemas/identifiers.ts'

export type PeerQuota = {
  /**
   * Counts a request. Returns the function that ends it (calling it twice does no harm), or throws
   * `too_many_requests`.
   */
  enter(who: ServerId | ClientId | string): () => void
}

type Use = { underWay: number; tokens: number; at: number }

/**
 * A token bucket per peer: `perSecond` refills it, `burst` is its size; `underWay` bounds the peer's
 * concurrent requests.
 */
export function createPeerQuota(q: {
  perSecond: number
  burst: number
  underWay: number
  clock: Clock
}): PeerQuota {
  const uses = new Map<string, Use>()
  // With less than one token no request would ever pass.
  const burst = Math.max(1, q.burst)
  return {
    enter(who) {
      const key = typeof who === 'string' ? who : idText(who)
      const now = q.clock()
      const use = uses.get(key) ?? { underWay: 0, tokens: burst, at: now }
      use.tokens = Math.min(burst, use.tokens + (Math.max(0, now - use.at) / 1000) * q.perSecond)
      use.at = now
      uses.set(key, use)
      if (use.tokens < 1 || use.underWay >= q.underWay) throw new Fault('too_many_requests', { what: key })
      use.tokens -= 1
      use.underWay += 1
      let left = false
      return () => {
        if (left) return
        left = true
        use.underWay -= 1
      }
    },
  }
}
