/**
 * Guarantees that the records that a hold lists are in the log for good: in the place of one that a crash
 * takes back there will be another one.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Settled } from '../../../message-log/records/settled.ts'
import type { HoldStore } from './store.ts'

/** Within the writer's turn. Throws `not_found`, and `conflict` when there are too many holds. */
export async function setHold(
  hold: Parameters<HoldStore['set']>[0],
  { settled, holds }: { settled: Pick<Settled, 'sizeNow'>; holds: Pick<HoldStore, 'set'> },
): ReturnType<HoldStore['set']> {
  const size = await settled.sizeNow()
  const missing = hold.scope.indexes?.find((index) => index >= size)
  if (missing !== undefined) throw new Fault('not_found', { what: say`record ${missing}` })
  return holds.set(hold)
}
