/**
 * What providers said of contracts whose quota is used up. Guarantees that a request which would be refused
 * again does not leave, and that a provider is asked again after a minute at most: its quota may have been
 * raised, or another of its servers may have some left.
 */
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { PeerRefusal, waitFor } from './peer-refusal.ts'

export type UsedUpQuotas = {
  /**
   * Throws `contract_quota_used_up` for a version of a contract ("<id>/<version>") whose provider said so.
   */
  check(contract: string): void
  /** Keeps what a provider answered under this version. */
  hear(contract: string, fault: Fault): void
}

type Said = { at: number; until: number; again: number }

const MOST_KEPT = 1000
const MOST_BELIEVED_MS = 60_000

export function createUsedUpQuotas({ clock }: { clock: Clock }): UsedUpQuotas {
  const said = new Map<string, Said>()
  return {
    check(contract) {
      const one = said.get(contract)
      if (one === undefined) return
      const now = clock()
      if (now < one.at || now >= one.until) return void said.delete(contract)
      throw new Fault('contract_quota_used_up', {
        what: `${contract}: its provider said so, again at ${new Date(one.again).toISOString()}`,
        retryAfter: Math.ceil((one.again - now) / 1000),
      })
    },
    hear(contract, fault) {
      if (contract === '' || !(fault instanceof PeerRefusal)) return
      const { retryAfter = 1, received } = fault
      // The bucket of a second fills all the time: who waits a whole second loses some of it.
      if (waitFor(received?.type ?? '') !== 'contract_quota_used_up' || retryAfter <= 1) return
      const [oldest] = said.keys()
      if (said.size >= MOST_KEPT && oldest !== undefined) said.delete(oldest)
      const at = clock()
      const again = at + retryAfter * 1000
      said.set(contract, { at, again, until: Math.min(again, at + MOST_BELIEVED_MS) })
    },
  }
}
