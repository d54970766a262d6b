/**
 * The ways to the inboxes and rooms that rows name. Guarantees that an inbox which takes nothing holds up no
 * other, and that it is asked again by one row alone, after a pause that grows.
 */
import type { SecurityServer } from '#adapters/client/index.ts'
import { createHandOver, type HandOver, pauseAfter } from '#adapters/kit/messages/hand-over.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'

/** Of an inbox that took nothing the last time. */
type Gate = { handOver: HandOver; attempts: number; opensAt: number }

export type Gates = {
  /** The inboxes that are not asked now. */
  closed(): string[]
  /**
   * False when its inbox takes nothing now. Throws EventRefused, and the signal's reason when that ends it.
   */
  offer(inbox: string, event: Uint8Array, signal: AbortSignal): Promise<boolean>
  /** Those that no row names any more are forgotten. */
  keep(inboxes: ReadonlySet<string>): void
  /** Not ok while an inbox takes nothing. */
  finding(): Finding
}

/** More are in no question to a database; their rows are found, and wait all the same. */
const MOST_LEFT_OUT = 1000

export function createGates(q: { server: Pick<SecurityServer, 'send' | 'publish'>; log: Log }): Gates {
  const gates = new Map<string, Gate>()
  const isClosed = ({ opensAt }: Gate): boolean => performance.now() < opensAt
  return {
    closed: () =>
      [...gates]
        .filter(([, gate]) => isClosed(gate))
        .map(([inbox]) => inbox)
        .slice(0, MOST_LEFT_OUT),
    async offer(inbox, event, signal) {
      const before = gates.get(inbox)
      if (before !== undefined) {
        if (isClosed(before)) return false
        // Meanwhile nothing else goes there.
        before.opensAt = Number.POSITIVE_INFINITY
      }
      const handOver = before?.handOver ?? createHandOver({ server: q.server, log: q.log.child({ inbox }) })
      const close = (): void => {
        const attempts = (before?.attempts ?? 0) + 1
        gates.set(inbox, { handOver, attempts, opensAt: performance.now() + pauseAfter(attempts) })
      }
      try {
        const isAccepted = await handOver.offer(inbox, event, signal)
        if (isAccepted) gates.delete(inbox)
        // Several were on their way when it closed.
        else if (gates.get(inbox) === before) close()
        return isAccepted
      } catch (thrown) {
        if (gates.get(inbox) === before) gates.delete(inbox)
        throw thrown
      }
    },
    keep(inboxes) {
      for (const [inbox, gate] of gates) if (!isClosed(gate) && !inboxes.has(inbox)) gates.delete(inbox)
    },
    finding() {
      for (const [inbox, { handOver }] of gates) {
        const { ok, reason } = handOver.finding()
        if (!ok) return { ok, reason: `${inbox}: ${reason}` }
      }
      return { ok: true }
    },
  }
}
