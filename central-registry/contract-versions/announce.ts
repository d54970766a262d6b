/** Has the parties of a contract told what happened to it, within the transaction in which it happens. */
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { Notify } from './move-version-store.ts'

/** The kind of the job that tells one member by its webhook. */
export const NOTIFY_CONTRACT = 'notify-contract'

/** What the job has to tell. */
export type ContractNotice = { contract: string; version: number; event: string; member: string; at: number }

/** `tell` says it by e-mail too, within the transaction. */
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
