/** Runs acts one after the other, or a few at a time: for state that is read before it is written. */

/** Returns a function that runs each `act` after all earlier ones have ended, successfully or not, and returns its outcome. */
export function createTurn(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (act) => {
    const result = last.then(act)
    last = result.catch(() => undefined)
    return result
  }
}

type Places = {
  /** Runs `act` when there is a place. If one is free, it starts at once, within this call. */
  run<T>(act: () => Promise<T>): Promise<T>
  hasFree(): boolean
}

/** At most `most` acts run at a time; the others wait in the order in which they came. */
export function createPlaces(most: number): Places {
  const waiting: (() => void)[] = []
  let taken = 0
  const run: Places['run'] = async (act) => {
    if (taken < most) taken += 1
    // An act that ends passes its place on.
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await act()
    } finally {
      const next = waiting.shift()
      if (next === undefined) taken -= 1
      else next()
    }
  }
  return { run, hasFree: () => taken < most }
}
