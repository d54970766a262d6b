/**
 * A start that opens one thing after another: if it fails, what it has opened is closed, the last one first.
 */

/**
 * What else hangs then, such as a request under way, does not keep the reason of the failure from being told.
 */
const CLOSE_MS = 10_000

/**
 * Runs `start`, which adds with `defer` how to close what it has opened. If it throws, all of it is closed
 * and its own error is thrown: what fails while closing mostly follows from it. If it succeeds, closing is up
 * to whoever got the result.
 */
export async function startInTurn<T>(start: (opened: AsyncDisposableStack) => Promise<T>): Promise<T> {
  const opened = new AsyncDisposableStack()
  try {
    return await start(opened)
  } catch (thrown) {
    await closeWithin(opened, CLOSE_MS)
    throw thrown
  }
}

async function closeWithin(opened: AsyncDisposableStack, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([opened.disposeAsync().catch(() => undefined), late])
  clearTimeout(timer)
}
