/**
 * Jobs with the same key run one after the other in the order in which they came; at most a few run at a
 * time.
 */
import { createPlaces } from '#platform/in-turn.ts'

type Lanes = { run(key: string | undefined, job: () => Promise<void>): Promise<void> }

export function createLanes(atOnce: number): Lanes {
  const places = createPlaces(atOnce)
  const last = new Map<string, Promise<void>>()
  return {
    run(key, job) {
      if (key === undefined) return places.run(job)
      // A job that waits for the one before it takes no place.
      const result = (last.get(key) ?? Promise.resolve()).then(() => places.run(job))
      const ended = result
        .catch(() => undefined)
        .finally(() => {
          if (last.get(key) === ended) last.delete(key)
        })
      last.set(key, ended)
      return result
    },
  }
}
