/** For what others may answer slowly or never: each of them apart, and none for longer than a bound. */
import { Fault } from '#schemas/fault.ts'

/** Runs the act for the key, which `signal` ends in time; joins one that is under way. The act tells itself what went wrong. */
type Apart = (key: string, act: (signal: AbortSignal) => Promise<void>) => Promise<void>

/** Of one key at most one act runs at a time; of several keys none waits for another. */
export function createApart(withinMs: number): Apart {
  const running = new Map<string, Promise<void>>()
  return (key, act) => {
    const known = running.get(key)
    if (known !== undefined) return known
    const begun = act(AbortSignal.timeout(withinMs)).finally(() => running.delete(key))
    running.set(key, begun)
    return begun
  }
}

/** The outcome of `act`, which is not waited for any longer once the signal is given: then `network_error`. */
export async function within<T>(signal: AbortSignal, act: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const end = (): void => reject(new Fault('network_error', { what: 'not all of it came in time' }))
  if (signal.aborted) end()
  signal.addEventListener('abort', end)
  try {
    return await Promise.race([act, promise])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/**
 * For places that are tried one after the other: gives each of them the signal that ends it, after half of what is left of
 * `withinMs`, so that a slow one leaves time for those after it. No signal where there is no bound.
 */
export function shares(withinMs: number | undefined): () => AbortSignal | undefined {
  const end = performance.now() + (withinMs ?? 0)
  return () => {
    if (withinMs === undefined) return undefined
    return AbortSignal.timeout(Math.max(0, Math.ceil((end - performance.now()) / 2)))
  }
}
