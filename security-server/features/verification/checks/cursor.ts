/** Reads an ordered source one item ahead, so that two sources can be read in step. */
export type Cursor<T> = {
  /** The next item, which `next` will return again. */
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

/** Merges two ordered sources into one. */
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
