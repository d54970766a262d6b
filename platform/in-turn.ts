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

type Places = {
  /** Runs `act` when there is a place: at once, within this call, while one is free. */
  run<T>(act: () => Promise<T>): Promise<T>
  hasFree(): boolean
}

/** At most `most` acts run at a time, the others in the order in which they came. */
export function createPlaces(most: number): Places {
  const waiting: (() => void)[] = []
  let taken = 0
  const run: Places['run'] = async (act) => {
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
  return { run, hasFree: () => taken < most }
}
