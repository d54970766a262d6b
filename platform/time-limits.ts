/** Time limits of acts that wait for slow or silent machines, so that one of them delays no other. */
import { Fault } from '#schemas/fault.ts'

/**
 * Runs the act for the key; `signal` aborts it after the time limit. If an act for the key is running, joins
 * it instead. The act itself must report failures.
 */
type SingleFlight = (key: string, act: (signal: AbortSignal) => Promise<void>) => Promise<void>

/**
 * At most one act per key runs at a time; acts of different keys do not wait for one another, each with its
 * own time limit.
 */
export function createSingleFlight(withinMs: number): SingleFlight {
  const running = new Map<string, Promise<void>>()
  return (key, act) => {
    const known = running.get(key)
    if (known !== undefined) return known
    const begun = act(AbortSignal.timeout(withinMs)).finally(() => running.delete(key))
    running.set(key, begun)
    return begun
  }
}

/** The outcome of `act`. Throws `network_error` once the signal aborts; `act` itself may continue. */
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
 * For places that are tried one after the other. Each call returns a signal that aborts after half of what is
 * left of `withinMs`, so that a slow place leaves time for the next ones. Undefined if there is no limit.
 */
export function divideTimeLimit(withinMs: number | undefined): () => AbortSignal | undefined {
  const end = performance.now() + (withinMs ?? 0)
  return () => {
    if (withinMs === undefined) return undefined
    return AbortSignal.timeout(Math.max(0, Math.ceil((end - performance.now()) / 2)))
  }
}
