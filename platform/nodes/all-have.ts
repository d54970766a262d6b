/** Waits for other nodes where something may be used only when all of them have it. */
import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { NodeStore } from './store.ts'
import { isLive, readTold } from './told.ts'

const LOOK_MS = 500
/** Some beats of a busy machine. */
const MOST_LOOKS = 60

/**
 * Resolves when every other live node has told that it has this change of shared files. A node that is not
 * live reads all changes before it opens its log again. Throws `conflict` when one does not take it over.
 */
export async function untilAllHave(
  store: Pick<NodeStore, 'list' | 'now'>,
  { node, change }: { node: string; change: number },
): Promise<void> {
  for (let looks = 1; ; looks++) {
    const now = await store.now()
    const late = (await store.list()).find(
      (row) => row.name !== node && isLive(row, now) && readTold(row.told).seen < change,
    )
    if (late === undefined) return
    if (looks === MOST_LOOKS)
      throw new Fault('conflict', {
        what: say`the node ${late.name} does not take over what others change: look at its health`,
      })
    await wait(LOOK_MS)
  }
}
