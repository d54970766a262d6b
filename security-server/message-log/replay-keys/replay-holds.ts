/**
 * The messages under way whose replay keys are not claimed yet. A hold costs an exchange one entry in a set
 * and no call to the worker.
 */

type ReplayHolds = {
  /** Returns the function that ends this hold; calling it twice does no harm. */
  hold(arrived: number): () => void
  oldestArrival(): number | undefined
}

export function createReplayHolds(): ReplayHolds {
  const holds = new Set<{ arrived: number }>()
  return {
    hold(arrived) {
      const hold = { arrived }
      holds.add(hold)
      return () => void holds.delete(hold)
    },
    // The clock may have been set back, so the first hold need not have the lowest time.
    oldestArrival() {
      let oldest: number | undefined
      for (const { arrived } of holds) oldest = Math.min(oldest ?? arrived, arrived)
      return oldest
    },
  }
}
