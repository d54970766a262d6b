/**
 * Time in which this process stood still, with its machine or for want of a processor, is no time in which
 * another one was silent.
 */

/** A limit that ends an act so late was late itself: what had come by then was not read yet. */
const LATE_MS = 100
/** The last try counts, however late its limit is. */
const MOST_TRIES = 3

/**
 * Does `act`, which a limit of its own ends after `limitMs`, and does it anew when this process stood still
 * during it. Only for acts of which nothing is left when they fail. `isLimit` tells the end by that limit
 * from others, where others may come as late.
 */
export async function againIfStoodStill<Result>(
  limitMs: number,
  act: () => Promise<Result>,
  isLimit: (thrown: unknown) => boolean = () => true,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    const began = performance.now()
    try {
      return await act()
    } catch (thrown) {
      const isLate = performance.now() - began >= limitMs + LATE_MS
      if (tries === MOST_TRIES || !isLate || !isLimit(thrown)) throw thrown
    }
  }
}
