/** Waits for what is under way, but not for ever: others may be due by then. */

const LOOK_AGAIN_MS = 1_000

/**
 * Resolves when the first of them has ended, whatever became of it; to true when that takes longer than a
 * second.
 */
export async function firstOf(some: Iterable<Promise<unknown>>): Promise<boolean> {
  const time = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => time.resolve(true), LOOK_AGAIN_MS)
  try {
    return await Promise.race([time.promise, ...[...some].map((one) => one.then(() => false))])
  } finally {
    clearTimeout(timer)
  }
}
