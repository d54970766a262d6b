/** Tells operators that the outbox of a subsystem fills up, while its systems can still hand messages over. */
import type { Finding } from '#platform/health/create-health.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { say } from '#schemas/said.ts'
import { type OutboxBounds, type outboxUse, shareOf } from './outbox-places-store.ts'

/** The share of its bound from which on it is told. */
const TOLD = 0.8

/** Names the fullest one; the server stays ready, as one subsystem's systems can bring it about. */
export function outboxFinding(uses: Awaited<ReturnType<typeof outboxUse>>, bounds: OutboxBounds): Finding {
  const [fullest] = uses.toSorted((a, b) => shareOf(b, bounds) - shareOf(a, bounds))
  if (fullest === undefined || shareOf(fullest, bounds) < TOLD) return { ok: true }
  const { client, events, bytes } = fullest
  return {
    ok: true,
    reason: say`${events} messages of ${colonForm(client)} with ${bytes} octets wait in the outbox, of ${bounds.outboxEvents} and ${bounds.outboxBytes}: then more are refused (docs/deliveries.md)`,
  }
}
