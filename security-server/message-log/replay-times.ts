/**
 * How long replay keys are needed: until no message that may still be accepted could carry one of them again, be it under
 * way for as long as an upload may take. docs/decisions/replay-keys.md has the reasoning.
 */

/** How far a signing time may lie before the arrival of its message's head, or after the message's end. */
export const REPLAY_WINDOW_MS = 5 * 60 * 1000
/** From the arrival of a message's head to the claim of its replay key; whoever takes messages refuses longer ones. */
export const LONGEST_UPLOAD_MS = 60 * 60 * 1000

/**
 * Older keys are needed by no node, whatever it is receiving. The third window is for clocks of nodes that differ and for
 * commits that wait.
 */
export function neededByAnyNode(now: number): number {
  return now - LONGEST_UPLOAD_MS - 3 * REPLAY_WINDOW_MS
}

/** Older keys are not needed by a node whose oldest message under way arrived at `oldestArrival`. */
export function neededHere(now: number, oldestArrival: number | undefined): number {
  // A hold that nobody ended must not keep keys for ever.
  return Math.max(Math.min(now, oldestArrival ?? now) - 2 * REPLAY_WINDOW_MS, neededByAnyNode(now))
}
