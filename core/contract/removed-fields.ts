/**
 * Which fields were cut out of a message: names, never values, and no more of them than a record can hold.
 */

/**
 * JSON Pointers without the indexes of lists, each once, in the order in which they were met; `/*` is an item
 * of a list.
 */
export type RemovedFields = {
  names: string[]
  /** How often a field was cut out, the same field of several items of a list counted each time. */
  count: number
  /** Whether there are names that are not told. */
  isMore: boolean
}

const MAX_NAMES = 100
const MAX_NAME = 200

export function createRemovedFields(): {
  add(place: string): void
  /** A place that was added before was met again. */
  again(): void
  told(): RemovedFields
} {
  const names = new Set<string>()
  let count = 0
  let isMore = false
  return {
    add(place) {
      count++
      const name = place.slice(0, MAX_NAME).toWellFormed()
      if (names.has(name)) return
      if (names.size < MAX_NAMES) names.add(name)
      else isMore = true
    },
    again: () => {
      count++
    },
    told: () => ({ names: [...names], count, isMore }),
  }
}
