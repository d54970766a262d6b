/**
 * What the registry said of this server's requests, kept for readers that may get a somewhat older state:
 * each question costs a signature of the owner.
 */
import type { Clock } from '#platform/clock.ts'
import type { RequestStatus } from '#schemas/management-request.ts'

type States = { all: RequestStatus[]; askedAt: number }

export type RememberedStates = {
  /**
   * The last answer, if it is at most so old, or else a new one. Throws as the question does, and remembers
   * no failure.
   */
  notOlderThan(ms: number): Promise<States>
  /** What this server files or takes back makes the last answer wrong. */
  forget(): void
}

export function rememberStates(clock: Clock, ask: () => Promise<RequestStatus[]>): RememberedStates {
  let kept: { askedAt: number; states: Promise<States> } | undefined
  const askAnew = (): Promise<States> => {
    const askedAt = clock()
    const asked = { askedAt, states: ask().then((all) => ({ all, askedAt })) }
    kept = asked
    asked.states.catch(() => {
      if (kept === asked) kept = undefined
    })
    return asked.states
  }
  return {
    notOlderThan(ms) {
      const age = kept === undefined ? Number.NaN : clock() - kept.askedAt
      return kept !== undefined && age >= 0 && age < ms ? kept.states : askAnew()
    },
    forget() {
      kept = undefined
    },
  }
}
