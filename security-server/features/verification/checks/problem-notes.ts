/**
 * Collects the problems of a verification in its report instead of throwing them, each with the index of its
 * record. At most MAX_PROBLEMS are kept.
 */
import { asFault } from '#schemas/fault.ts'
import { type LogReport, MAX_PROBLEMS } from './source.ts'

export type ProblemNotes = {
  found(index: number, thrown: unknown): void
  /** Returns the result of `act`. If `act` throws, notes the problem and returns undefined. */
  check<T>(index: number, act: () => Promise<T> | T): Promise<T | undefined>
}

export function createProblemNotes({ problems }: Pick<LogReport, 'problems'>): ProblemNotes {
  const found = (index: number, thrown: unknown): void => {
    if (problems.length >= MAX_PROBLEMS) return
    const { code, what } = asFault(thrown)
    problems.push({ index, what: code === 'log_inconsistent' ? (what ?? code) : `${code}: ${what ?? ''}` })
  }
  return {
    found,
    async check(index, act) {
      try {
        return await act()
      } catch (thrown) {
        found(index, thrown)
        return undefined
      }
    },
  }
}
