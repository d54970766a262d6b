/**
 * The time by which keys are destroyed for good: the lesser of the clock and of what servers have heard, who
 * verify what the registry and time-stamping authorities sign. So neither a wrong clock nor a wrong server
 * alone brings an end forward:
 * - what a server says counts up to the clock of that moment, so a time that is years ahead proves no more
 *   than the right one, now and later;
 * - the highest counts, so who says less, or nothing, delays nothing;
 * - elapsed time goes on from it while nobody asks, and a restart goes on from what was stored: only the
 *   pause is lost, until a server asks.
 */
import { type Clock, elapsedTime } from '#platform/clock.ts'

export type HeardTime = {
  /** A server says that others signed for this time (ms). */
  heard(time: number): void
  /** The time by which something may be destroyed; 1970 before anything was ever heard. */
  proven(): number
  /** Stores how far it has come, for a restart. */
  keep(): Promise<void>
}

export async function openHeardTime(q: {
  store: { heardTime(): Promise<number>; raiseHeardTime(time: number): Promise<unknown> }
  clock: Clock
  /** Milliseconds that no setting of the clock changes, the machine's sleep included. */
  elapsed?: () => number
}): Promise<HeardTime> {
  const { store, clock, elapsed = elapsedTime } = q
  let last = { time: await store.heardTime(), at: elapsed() }
  const reached = (): number => (last.time === 0 ? 0 : last.time + elapsed() - last.at)
  return {
    heard: (time) => {
      const counted = Math.min(time, clock())
      if (counted > reached()) last = { time: counted, at: elapsed() }
    },
    proven: () => Math.min(clock(), reached()),
    keep: async () => {
      await store.raiseHeardTime(Math.floor(Math.min(clock(), reached())))
    },
  }
}
