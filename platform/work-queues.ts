/**
 * Work that waits for others outside, who may keep silent: no queue delays another, and all of them together
 * end in time.
 */

type Question<Item> = {
  /** Each is worked through in its order. */
  queues: readonly (readonly Item[])[]
  /** So many items of one queue are under way together. */
  atOnce: number
  deadlineMs: number
  /** What it finds once `isLate` must not count any more: nobody waits for it. */
  work(item: Item, isLate: () => boolean): Promise<void>
}

/**
 * Resolves when all is done, or at the deadline; then what was not begun is left out. Rejects as soon as one
 * item does.
 */
export async function workQueues<Item>({ queues, atOnce, deadlineMs, work }: Question<Item>): Promise<void> {
  let over = false
  const isLate = (): boolean => over
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs)
  })
  const workThrough = async (rest: Item[]): Promise<void> => {
    for (let next = rest.shift(); next !== undefined && !over; next = rest.shift()) await work(next, isLate)
  }
  const all = queues.flatMap((queue) => {
    const rest = [...queue]
    return Array.from({ length: Math.min(atOnce, rest.length) }, () => workThrough(rest))
  })
  try {
    await Promise.race([Promise.all(all), deadline])
  } finally {
    over = true
    clearTimeout(timer)
  }
}
