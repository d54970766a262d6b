/**
 * Ends workers that hang. The kernel still gives such a one its share of the connections, and it notices
 * neither a word nor the end of its supervisor, so only SIGKILL ends it. Questions are counted, not time: a
 * machine that stood still has not made its workers silent.
 */
import type { Log } from '#platform/logging/create-log.ts'
import { type Place, say } from './place.ts'

const MOST_UNANSWERED = 6

/**
 * Asks each ready worker every `everyMs`; after six questions without a word it is ended. Until the returned
 * function is called.
 */
export function endSilent(
  places: readonly Place[],
  { everyMs, log }: { everyMs: number; log: Log },
): () => void {
  const timer = setInterval(() => {
    for (const place of places) {
      if (place.readyAt === undefined) continue
      if (place.unanswered >= MOST_UNANSWERED) {
        log.error({ worker: place.number, unanswered: place.unanswered }, 'a worker hangs: it is killed')
        place.worker?.process.kill('SIGKILL')
        continue
      }
      place.unanswered += 1
      // It has no answer to this; that it says so is enough.
      say(place, { worker: 'question', id: 0, question: 'alive' })
    }
  }, everyMs)
  return () => clearInterval(timer)
}
