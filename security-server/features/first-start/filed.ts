/**
 * What this server filed with the registry, asked for at most once in some seconds, and only while a step
 * depends on it.
 */
import { asFault } from '#schemas/fault.ts'
import type { RequestKind, RequestStatus } from '#schemas/management-request.ts'
import type { Needs } from './needs.ts'
import type { Filed } from './steps.ts'

/** Two pages that wait for an approval ask the registry no more often than one. */
const KEPT_MS = 2_000

type Answer = { all: RequestStatus[]; detail?: string }

export type FiledStates = {
  /** The newest request of this kind, about this client; `detail` says why the registry did not answer. */
  of(kind: RequestKind, client?: string): Promise<{ newest: Filed | undefined; detail?: string }>
}

export function createFiledStates({
  clock,
  filedRequests,
}: Pick<Needs, 'clock' | 'filedRequests'>): FiledStates {
  let kept: { at: number; answer: Promise<Answer> } | undefined
  const ask = (): Promise<Answer> => {
    const now = clock()
    if (kept === undefined || now - kept.at > KEPT_MS || now < kept.at)
      kept = {
        at: now,
        answer: filedRequests().then(
          (all) => ({ all }),
          (thrown: unknown) => ({ all: [], detail: asFault(thrown).message }),
        ),
      }
    return kept.answer
  }
  return {
    async of(kind, client) {
      const { all, ...more } = await ask()
      const [newest] = all
        .filter((one) => one.kind === kind && one.client === client)
        .toSorted((one, other) => other.request - one.request)
      if (newest === undefined) return { newest: undefined, ...more }
      const { request, state, filedAt, reason } = newest
      return { newest: { request, state, filedAt, reason }, ...more }
    },
  }
}
