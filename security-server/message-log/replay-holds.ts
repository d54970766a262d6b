/** The messages under way whose replay keys are yet to be claimed. It costs an exchange a place in a set, no question to the worker. */

type ReplayHolds = {
  /** Gives the function that ends this hold; calling it twice does no harm. */
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
    // The clock may have been set back: the first to come need not have the lowest time.
    oldestArrival() {
      let oldest: number | undefined
      for (const { arrived } of holds) oldest = Math.min(oldest ?? arrived, arrived)
      return oldest
    },
  }
}
