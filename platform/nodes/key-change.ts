/**
 * A new cluster key: once each node seals under the new last line of its file, what lies in the databases under older ones is sealed under it
 * too, and the older lines can go. Each node tells which lines it has by ids that are in every row anyway.
 */
import type { Job } from '#platform/feature.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { ClusterKeys } from '#platform/shared-files/cluster-key.ts'
import type { SealedAnew } from '#platform/shared-files/seal-anew.ts'
import type { NodeRow } from './migrations.ts'
import type { NodeStore } from './store.ts'
import { isLive, readTold, type Told } from './told.ts'

/** One pass over the rows of a room. */
export type SealAnew = (signal: AbortSignal) => Promise<SealedAnew>

/** How far the change is; undefined where a node has one line. */
export type KeyChangeState = {
  lines: number
  /** Live nodes that do not seal under the newest line yet. */
  waitsFor: string[]
  /** Nothing is under an older line any more. */
  isDone: boolean
}

/** It runs when it is due; a recurring job has an interval, too. */
const SELDOM_SECONDS = 86_400

/** By what the nodes tell; `mine` are the lines of the node that asks. */
export function keyChangeOf(
  rows: NodeRow[],
  { mine = [], now }: { mine: Told['clusterKeys']; now: number },
): KeyChangeState | undefined {
  if (mine.length < 2) return undefined
  const newest = mine.at(-1)
  const live = rows.filter((row) => isLive(row, now)).map(({ name, told }) => ({ name, ...readTold(told) }))
  return {
    lines: mine.length,
    waitsFor: live.filter(({ clusterKeys = [] }) => clusterKeys.at(-1) !== newest).map(({ name }) => name),
    isDone: live.some(({ sealedUnder }) => sealedUnder === newest),
  }
}

export function createKeyChange(q: {
  keys: ClusterKeys
  store: Pick<NodeStore, 'list' | 'now'>
  log: Pick<Log, 'info' | 'warn'>
  rooms: readonly SealAnew[]
  /** Tells the others at once. */
  tell(): Promise<void>
}): { told(): Pick<Told, 'clusterKeys' | 'sealedUnder'>; job: Job } {
  const mine = q.keys.map(({ id }) => id)
  let sealedUnder: string | undefined
  /** A pass was in vain here: rows are under a key that no line of the file is. Another file takes another start. */
  let isInVain = false
  const state = async (): Promise<KeyChangeState | undefined> =>
    mine.length < 2 ? undefined : keyChangeOf(await q.store.list(), { mine, now: await q.store.now() })
  // A node without the newest line could not open what is sealed under it.
  const isDue = async (): Promise<boolean> => {
    if (sealedUnder !== undefined) return false
    const now = await state()
    return now !== undefined && !now.isDone && now.waitsFor.length === 0
  }
  return {
    told: () => ({ clusterKeys: mine, ...(sealedUnder !== undefined && { sealedUnder }) }),
    job: {
      kind: 'seal-under-newest-key',
      everySeconds: SELDOM_SECONDS,
      isDue: async () => !isInVain && (await isDue()),
      async run({ signal }) {
        if (!(await isDue())) return
        const done = { sealed: 0, left: 0 }
        for (const sealAnew of q.rooms) {
          const { sealed, left } = await sealAnew(signal)
          done.sealed += sealed
          done.left += left
        }
        isInVain = done.left > 0
        if (isInVain)
          q.log.warn(done, 'some of what nodes share is under a cluster key that this node does not have')
        else {
          sealedUnder = mine.at(-1)
          q.log.info(done, 'all that nodes share is sealed under the newest line of the cluster key')
          await q.tell()
        }
      },
    },
  }
}
