/** Reads an ordered source one ahead, so that two can be walked side by side. */
export type Cursor<T> = {
  /** The next item without taking it. */
  peek(): Promise<T | undefined>
  next(): Promise<T | undefined>
}

export function createCursor<T>(items: AsyncIterable<T>): Cursor<T> {
  const iterator = items[Symbol.asyncIterator]()
  let ahead: { item: T | undefined } | undefined
  const peek = async (): Promise<T | undefined> => {
    if (ahead === undefined) {
      const { done, value } = await iterator.next()
      ahead = { item: done === true ? undefined : value }
    }
    return ahead.item
  }
  return {
    peek,
    next: async () => {
      const item = await peek()
      if (item !== undefined) ahead = undefined
      return item
    },
  }
}

/** Two ordered sources as one. */
export async function* merged<T>(
  a: AsyncIterable<T>,
  b: T[],
  before: (x: T, y: T) => boolean,
): AsyncGenerator<T> {
  const rest = [...b]
  for await (const item of a) {
    while (rest[0] !== undefined && before(rest[0], item)) yield rest.shift() as T
    yield item
  }
  yield* rest
}
