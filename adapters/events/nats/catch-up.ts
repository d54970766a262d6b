/**
 * Order after a crash: what was given out before and never confirmed comes again only when its time is over,
 * and newer messages come at once. Guarantees that the newer ones wait for the older.
 */

type Numbered = { seq: number }

export type CatchUp<M extends Numbered> = {
  take(message: M): void
  /** So many messages are unconfirmed at the server: those that no longer are, it does not give out again. */
  settle(unconfirmed: number): void
  isWaiting(): boolean
}

/** `missing` messages up to place `until` are awaited; `pass` gets all, in order. */
export function createCatchUp<M extends Numbered>(
  q: { until: number; missing: number },
  pass: (message: M) => void,
): CatchUp<M> {
  let isWaiting = q.missing > 0
  const older: M[] = []
  const newer: M[] = []
  const end = (): void => {
    isWaiting = false
    for (const message of [...older, ...newer].sort((a, b) => a.seq - b.seq)) pass(message)
  }
  return {
    take(message) {
      if (!isWaiting) return pass(message)
      ;(message.seq <= q.until ? older : newer).push(message)
      if (older.length >= q.missing) end()
    },
    settle(unconfirmed) {
      if (isWaiting && unconfirmed <= older.length + newer.length) end()
    },
    isWaiting: () => isWaiting,
  }
}
