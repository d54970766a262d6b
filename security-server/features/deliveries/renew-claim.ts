/** Keeps a claim for as long as its work lasts. */

const RENEWALS = 3

/**
 * Renews three times in each `claimMs`, until the returned function is called. A renewal that fails is made
 * up for by the next one.
 */
export function renewEvery(claimMs: number, renew: () => Promise<unknown>): () => void {
  const timer = setInterval(() => void renew().catch(() => undefined), claimMs / RENEWALS)
  timer.unref()
  return () => clearInterval(timer)
}
