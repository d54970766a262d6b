/** Bounds the time of a step that cannot be stopped itself. */
import { Fault } from '#schemas/fault.ts'

/**
 * The result of `step`, or `source_timeout` as soon as the signal says so; `late` then gets what comes too
 * late.
 */
export function within<T>(signal: AbortSignal, step: Promise<T>, late?: (result: T) => void): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const end = (): void => {
    reject(new Fault('source_timeout'))
    if (late !== undefined) step.then(late, () => undefined)
  }
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  step.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  return promise
}
