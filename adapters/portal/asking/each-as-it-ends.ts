/**
 * Runs `act`, which never fails, on each item, some at the same time, and gives the results in the order in
 * which they come.
 */
export async function* eachAsItEnds<T, R>(
  items: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running = new Map<number, Promise<{ at: number; result: R }>>()
  let next = 0
  while (next < items.length || running.size > 0) {
    for (; next < items.length && running.size < atOnce; next++) {
      const at = next
      running.set(
        at,
        act(items[at]!).then((result) => ({ at, result })),
      )
    }
    const { at, result } = await Promise.race(running.values())
    running.delete(at)
    yield result
  }
}
