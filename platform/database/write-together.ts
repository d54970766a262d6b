/** Writes that come while one is under way are made in one transaction: a commit costs the same for many. */

const MOST = 256

/**
 * `write` gets what waits, in order, and gives a result for each; when it throws, all that were in it fail.
 */
export function createWriteTogether<T, R>(write: (items: T[]) => Promise<R[]>): (item: T) => Promise<R> {
  let waiting: { item: T; resolve(result: R): void; reject(cause: unknown): void }[] = []
  let isWriting = false

  async function drain(): Promise<void> {
    isWriting = true
    while (waiting.length > 0) {
      const taken = waiting.slice(0, MOST)
      waiting = waiting.slice(MOST)
      try {
        const results = await write(taken.map(({ item }) => item))
        for (const [i, { resolve }] of taken.entries()) resolve(results[i]!)
      } catch (cause) {
        for (const { reject } of taken) reject(cause)
      }
    }
    isWriting = false
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      // Those of the same turn of the event loop join.
      if (!isWriting) {
        isWriting = true
        setImmediate(() => void drain())
      }
    })
}
