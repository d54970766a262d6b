/** Callers at the same time, such as a job and an administrator, share one run. */
import { createTurn } from '#platform/in-turn.ts'

/** The run that is under way serves whoever calls. */
export function singleFlight<T>(act: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined
  return () => {
    underWay ??= act().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

/**
 * A run that has begun may not have seen what a caller has written since, so it serves only those who called
 * before.
 */
export function nextFlight<T>(act: () => Promise<T>): () => Promise<T> {
  const inTurn = createTurn()
  let next: Promise<T> | undefined
  return () => {
    next ??= inTurn(() => {
      next = undefined
      return act()
    })
    return next
  }
}
