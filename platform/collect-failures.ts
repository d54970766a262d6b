/**
 * Acts of one run that do not need one another: if one fails, the others are still done, and the failures are
 * reported together at the end.
 */
import type { Log } from '#platform/logging/create-log.ts'

/** How many of those that failed are named where all of them are told. */
const MOST_NAMED = 3

type Failure = { of: string; thrown: unknown }

export type CollectedFailures = {
  /**
   * Resolves to what the acts that succeeded made; each that fails is logged under its name, which is safe to
   * log.
   */
  each<T, Made>(
    all: Iterable<T>,
    nameOf: (one: T) => string,
    act: (one: T) => Made | Promise<Made>,
  ): Promise<Made[]>
  /** How many have failed until now. */
  failed(): number
  /**
   * Throws if one has failed, with what failed and why. A job is tried again then, and metrics say that it
   * fails.
   */
  end(): void
}

export function collectFailures(log: Pick<Log, 'warn'>): CollectedFailures {
  const failures: Failure[] = []
  return {
    async each(all, nameOf, act) {
      const made = []
      for (const one of all) {
        try {
          made.push(await act(one))
        } catch (err) {
          const of = nameOf(one)
          failures.push({ of, thrown: err })
          log.warn({ err, of }, 'one of several failed; the others are done')
        }
      }
      return made
    },
    failed: () => failures.length,
    end() {
      if (failures.length === 0) return
      const named = failures.slice(0, MOST_NAMED).map(({ of, thrown }) => `${of}: ${reasonOf(thrown)}`)
      const more = failures.length - named.length
      const all = [...named, ...(more > 0 ? [`${more} more`] : [])].join('; ')
      throw new Error(`${failures.length} failed: ${all}`, { cause: failures[0]?.thrown })
    },
  }
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : `a thrown ${typeof thrown}`
}
