/**
 * Takes courses of exchanges that have ended, in memory, until the job writes them. It never waits and never throws: when the database is
 * away for long the oldest are given up, and counted.
 */
import type { Course } from '../../peer/course.ts'

/** As X-Road's buffer. */
const MOST = 20_000

export type Buffer = {
  add(course: Course): void
  /** Removes and returns the oldest. */
  take(most: number): Course[]
  /** Puts back what could not be written, before everything else. */
  putBack(courses: Course[]): void
  size(): number
}

export function createBuffer(q: { most?: number; onLost(courses: number): void }): Buffer {
  const { most = MOST, onLost } = q
  let held: Course[] = []
  const bound = (): void => {
    const lost = held.length - most
    // Cut by tenths: to cut one by one would copy the list for each exchange.
    if (lost <= 0) return
    held = held.slice(lost + Math.floor(most / 10))
    onLost(lost + Math.floor(most / 10))
  }
  return {
    add(course) {
      held.push(course)
      bound()
    },
    take(count) {
      const taken = held.slice(0, count)
      held = held.slice(count)
      return taken
    },
    putBack(courses) {
      held = [...courses, ...held]
      bound()
    },
    size: () => held.length,
  }
}
