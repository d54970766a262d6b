/** Runs acts one after the other, or a few at a time: for state that is read before it is written. */

/**
 * Returns a function that runs each `act` after all earlier ones have ended, successfully or not, and returns
 * its outcome.
 */
export function createTurn(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (act) => {
    const result = last.then(act)
    last = result.catch(() => undefined)
    return result
  }
}

export type Places = {
  /** Runs `act` when there is a place. If one is free, it starts at once, within this call. */
  run<T>(act: () => Promise<T>): Promise<T>
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
  return { run }
}

type SharedPlaces = <T>(owner: string, act: () => Promise<T>) => Promise<T>

/**
 * Places for acts that each belong to somebody: an owner has at most one place, and owners who wait take
 * turns, so that nobody waits longer because another has asked for much. If there is a place, the act starts
 * at once, within this call. Throws what `refuse` makes when `mostWaiting` acts of the owner wait already.
 */
export function createSharedPlaces(q: {
  places: number
  mostWaiting: number
  refuse: () => Error
}): SharedPlaces {
  const busy = new Set<string>()
  /** The acts of those who wait; whose turn is next is the first that has no place. */
  const waiting = new Map<string, (() => void)[]>()

  const startNext = (): void => {
    for (const [owner, acts] of waiting) {
      if (busy.has(owner)) continue
      const [start, ...later] = acts
      waiting.delete(owner)
      if (later.length > 0) waiting.set(owner, later)
      busy.add(owner)
      start!()
      return
    }
  }

  return async (owner, act) => {
    // Whoever waits while there is a place has one.
    if (busy.size < q.places && !busy.has(owner)) busy.add(owner)
    else {
      const acts = waiting.get(owner) ?? []
      if (acts.length >= q.mostWaiting) throw q.refuse()
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.set(owner, [...acts, resolve])
      await promise
    }
    try {
      return await act()
    } finally {
      busy.delete(owner)
      startNext()
    }
  }
}
