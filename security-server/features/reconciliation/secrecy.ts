/**
 * The secrecy of a compared day: that of its most secret exchange, or of a secret contract between the two
 * members if that is higher. So exchanges that only the other side has logged are hidden too. A reader
 * without this clearance sees nothing of the day.
 */
import { windowOf } from '#core/reconciliation/day.ts'
import type { ReconciliationRooms } from './rooms.ts'
import type { DayPair } from './store.ts'

export async function secrecyOf(
  { day, own, peer }: Omit<DayPair, 'server'>,
  { log, secrecyBetween }: Pick<ReconciliationRooms, 'log' | 'secrecyBetween'>,
): Promise<number> {
  const logged = await log.reconciliation.secrecy({ ...windowOf(day), pair: { own, peer } })
  return Math.max(logged, secrecyBetween(own, peer))
}
