/** Enqueues the notices about a contract to its parties, within the transaction of the event. */
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { Notify } from './move-version-store.ts'

/** The kind of the job that posts a notice to one member's webhook. */
export const NOTIFY_CONTRACT = 'notify-contract'

/** The data of the job; `at` is milliseconds since 1970. */
export type ContractNotice = { contract: string; version: number; event: string; member: string; at: number }

/** `tell` puts the same notice into the e-mail outbox, within the transaction. */
export function announceContract(jobs: Pick<Jobs, 'enqueue'>, clock: Clock, tell?: Notify): Notify {
  return async (within, all) => {
    const { members, ...happened } = all
    for (const member of members) {
      const key = `${happened.contract} ${happened.version} ${happened.event} ${member}`
      const notice: ContractNotice = { ...happened, member, at: clock() }
      await jobs.enqueue(NOTIFY_CONTRACT, notice, { key, within })
    }
    await tell?.(within, all)
  }
}
