/**
 * Attempts to sign in that were used, each once. They are forgotten when they could not be used any more
 * anyway.
 */
import type { Clock } from '#platform/clock.ts'
import { ATTEMPT_SECONDS } from '#platform/sessions/attempt.ts'

const MOST_USED = 100_000

export function createUsedAttempts(clock: Clock): { use(digest: Buffer): boolean } {
  const used = new Map<string, number>()
  return {
    use(digest) {
      const now = clock()
      for (const [key, until] of used) {
        if (until > now && used.size < MOST_USED) break
        used.delete(key)
      }
      const key = digest.toString('base64')
      if (used.has(key)) return false
      used.set(key, now + 2 * ATTEMPT_SECONDS * 1000)
      return true
    },
  }
}
