/**
 * The job that runs every minute: expires versions, gives the notices and sends the letters that are due, and
 * counts overdue critical contracts.
 */
import type { Clock } from '#platform/clock.ts'
import { collectFailures } from '#platform/collect-failures.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { ContactStore } from '../../members/contacts/store.ts'
import type { NoticeStore } from './notices-store.ts'
import type { ContractReading } from './reading-store.ts'
import type { ContractStore } from './store.ts'

export function settleContracts(q: {
  store: Pick<ContractStore, 'settle'>
  notices: Pick<NoticeStore, 'give'>
  addresses: Pick<ContactStore, 'askDue'>
  reading: Pick<ContractReading, 'overdue'>
  metrics: Pick<Metrics, 'watch'>
  clock: Clock
  log: Log
}): () => Promise<void> {
  let overdue = 0
  q.metrics.watch(
    'concordat_contracts_overdue',
    'Critical contracts that are in force after their end',
    () => overdue,
  )
  return async () => {
    const ms = q.clock()
    const now = new Date(ms).toISOString()
    const count = async (): Promise<void> => {
      const found = await q.reading.overdue(now)
      if (found > overdue) q.log.warn({ overdue: found }, 'critical contracts are in force after their end')
      overdue = found
    }
    const failures = collectFailures(q.log)
    const parts = {
      expiry: () => q.store.settle(now, failures),
      notices: () => q.notices.give(ms),
      letters: () => q.addresses.askDue(now),
      count,
    }
    await failures.each(
      Object.entries(parts),
      ([name]) => name,
      async ([, part]) => void (await part()),
    )
    failures.end()
  }
}
