/**
 * Tells operators that the outbox of a subsystem fills up, or the part of one receiver, while messages can
 * still be handed over.
 */
import type { Finding } from '#platform/health/create-health.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { say } from '#schemas/said.ts'
import {
  type OutboxBounds,
  type outboxUse,
  type outboxWays,
  shareOf,
  wayShareOf,
} from './outbox-places-store.ts'

type Uses = Awaited<ReturnType<typeof outboxUse>>
type FullestOf = ReturnType<typeof outboxWays>['fullestOf']

/** The share from which on it is told. */
const TOLD = 0.8

/** Names the fullest one; the server stays ready, as one subsystem's systems can bring it about. */
export async function outboxFinding(
  uses: Uses,
  bounds: OutboxBounds,
  fullestOf: FullestOf,
): Promise<Finding> {
  const [fullest] = uses.toSorted((a, b) => shareOf(b, bounds) - shareOf(a, bounds))
  if (fullest !== undefined && shareOf(fullest, bounds) >= TOLD) {
    const { client, events, bytes } = fullest
    return {
      ok: true,
      reason: say`${events} messages of ${colonForm(client)} with ${bytes} octets wait in the outbox, of ${bounds.outboxEvents} and ${bounds.outboxBytes}: then more are refused (docs/deliveries.md)`,
    }
  }
  const [held] = uses.toSorted((a, b) => wayShareOf(b, bounds) - wayShareOf(a, bounds))
  if (held === undefined || wayShareOf(held, bounds) < TOLD) return { ok: true }
  const way = await fullestOf(held.client, bounds)
  if (way === undefined) return { ok: true }
  const receiver = way.secrecy === 0 ? colonForm(way.service) : say`a receiver under a secret contract`
  return {
    ok: true,
    reason: say`${way.events} messages of ${colonForm(held.client)} with ${way.bytes} octets wait in the outbox for ${receiver}, nearly as much as is free for all receivers: then more to this one are refused (docs/deliveries.md)`,
  }
}
