/** The kinds of jobs that fail, for metrics. */
import type { Jobs } from './create-jobs.ts'

/**
 * 1 for each kind whose last run failed, else 0. Jobs of single nodes are reported under the plain name of
 * their kind.
 */
export async function failingJobs(jobs: Pick<Jobs, 'state'>): Promise<Map<string, number>> {
  const failing = new Map<string, number>()
  for (const { kind, lastError } of await jobs.state()) {
    const plain = kind.split(' ')[0]!
    failing.set(plain, Math.max(failing.get(plain) ?? 0, lastError === null ? 0 : 1))
  }
  return failing
}
