/** One thing after the other: for changes of state that is read before it is written. */

/** Gives a function that runs each `act` when all before it have ended, well or badly, and passes its outcome on. */
export function createTurn(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (act) => {
    const result = last.then(act)
    last = result.catch(() => undefined)
    return result
  }
}

/** Gives a function that runs at most `most` acts at a time, the others in the order in which they came. */
export function createPlaces(most: number): <T>(act: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let taken = 0
  return async (act) => {
    if (taken < most) taken += 1
    // Who ends hands its place on.
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await act()
    } finally {
      const next = waiting.shift()
      if (next === undefined) taken -= 1
      else next()
    }
  }
}
