/**
 * Health and metrics of suspensions: whether the list is valid, how old it is, and how many suspensions wait
 * for confirmation.
 */
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { SuspensionStore } from './store.ts'

/** Not ok while there is no valid list. */
export function listHealth(store: Pick<SuspensionStore, 'newestList'>, clock: Clock): () => Promise<Finding> {
  return async () => {
    const list = await store.newestList()
    if (list === undefined) return { ok: false, reason: 'no suspension list was signed yet' }
    const reason = `number ${list.number} expires ${list.expiresAt}`
    return { ok: Date.parse(list.expiresAt) > clock(), reason }
  }
}

export function watchSuspensions(q: {
  store: Pick<SuspensionStore, 'newestList' | 'count'>
  metrics: Pick<Metrics, 'watch'>
  clock: Clock
}): void {
  const { store, metrics, clock } = q
  metrics.watch('concordat_suspensions', 'Suspensions in force by state', 'state', async () => [
    ['unconfirmed', await store.count({ states: ['unconfirmed'] })],
    ['confirmed', await store.count({ states: ['confirmed'] })],
  ])
  metrics.watch(
    'concordat_suspension_list_seconds',
    'Age and remaining time of the newest suspension list',
    'of',
    async () => {
      const list = await store.newestList()
      if (list === undefined) return []
      const seconds = (from: number, to: number): number => Math.max(0, (to - from) / 1000)
      return [
        ['age', seconds(Date.parse(list.issuedAt), clock())],
        ['left', seconds(clock(), Date.parse(list.expiresAt))],
      ]
    },
  )
}
