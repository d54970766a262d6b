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
