/** Notes what a verification finds wrong in its report, instead of throwing it: at most so many, by the index at which each lies. */
import { asFault } from '#schemas/fault.ts'
import { type LogReport, MAX_PROBLEMS } from './source.ts'

export type ProblemNotes = {
  found(index: number, thrown: unknown): void
  /** What `act` gives; undefined where it threw, which is noted. */
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
