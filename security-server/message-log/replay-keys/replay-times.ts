/**
 * How long replay keys are needed: until no message that may still be accepted could repeat one of them, even
 * if its upload takes as long as allowed. docs/decisions/replay-keys.md has the reasoning.
 */

/** How far a signing time may be before the arrival of its message's head, or after the message's end. */
export const REPLAY_WINDOW_MS = 5 * 60 * 1000
/**
 * The longest time from the arrival of a message's head to the claim of its replay key; longer uploads are
 * refused.
 */
export const LONGEST_UPLOAD_MS = 60 * 60 * 1000

/**
 * How long a node may need a replay key, whatever it is receiving. The third window is for differing clocks
 * of nodes and for commits that wait.
 */
export const KEPT_FOR_ANY_NODE_MS = LONGEST_UPLOAD_MS + 3 * REPLAY_WINDOW_MS

/**
 * The time (ms) before which a node needs no replay keys, when its oldest message under way arrived at
 * `oldestArrival`.
 */
export function neededHere(now: number, oldestArrival: number | undefined): number {
  // A hold that was never ended must not keep keys for ever.
  return Math.max(Math.min(now, oldestArrival ?? now) - 2 * REPLAY_WINDOW_MS, now - KEPT_FOR_ANY_NODE_MS)
}
