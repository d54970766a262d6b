/**
 * How secret it is that two members compared a day: as their most secret exchange of it, or as a secret contract between them,
 * so that what the other side alone has logged is no less hidden. Whoever may not see that sees nothing of the day.
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
