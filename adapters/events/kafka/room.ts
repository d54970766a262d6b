/**
 * Places for messages that are out. Guarantees that there are no more of them, and no more bytes, than the
 * limits say; one always fits.
 */
import type { LimitSettings } from '../settings.ts'

export type Room = {
  /** Resolves when there is room, which then is taken. Rejects with the signal. */
  enter(bytes: number, signal: AbortSignal): Promise<void>
  leave(bytes: number): void
}

export function createRoom(limits: Pick<LimitSettings, 'messages' | 'bytes'>): Room {
  let count = 0
  let held = 0
  let left = Promise.withResolvers<void>()
  const fits = (bytes: number): boolean =>
    count === 0 || (count < limits.messages && held + bytes <= limits.bytes)
  return {
    async enter(bytes, signal) {
      const ended = Promise.withResolvers<void>()
      const end = (): void => ended.resolve()
      signal.addEventListener('abort', end, { once: true })
      while (!fits(bytes) && !signal.aborted) await Promise.race([left.promise, ended.promise])
      signal.removeEventListener('abort', end)
      signal.throwIfAborted()
      count++
      held += bytes
    },
    leave(bytes) {
      count--
      held -= bytes
      left.resolve()
      left = Promise.withResolvers()
    },
  }
}
