/** The instance of this registry: every id in its API must belong to it. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { MemberStore } from './store.ts'

/** Throws `conflict` before the system is initialised. */
export async function instanceOf(store: Pick<MemberStore, 'parameters'>): Promise<string> {
  const { instance } = await store.parameters()
  if (instance === undefined)
    throw new Fault('conflict', { what: say`the instance is not initialised yet: PUT /system first` })
  return instance
}
