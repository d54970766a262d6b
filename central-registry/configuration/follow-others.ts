/**
 * Keeps the marks and leaves of this node at what the database has, also of publications by other nodes. So
 * every node notices a database that was set back.
 */
import type { HighWater } from './high-water.ts'
import type { Reach } from './restored-store.ts'
import { followLeaves } from './transparency-log/follow-leaves.ts'
import type { LeafFile } from './transparency-log/leaf-file.ts'
import type { LogStore } from './transparency-log/store.ts'

type FollowOthers = {
  /**
   * Whether the database has more than this node's folder. False after a failure: the next run tries again.
   */
  isBehind(): Promise<boolean>
  /**
   * Never lowers a mark. Throws `io_error`, and `log_inconsistent` when the folder belongs to another log.
   */
  follow(): Promise<void>
}

export function createFollowOthers(q: {
  reached(): Promise<Reach>
  highWater: HighWater
  listHighWater: HighWater
  leafFile: Pick<LeafFile, 'size' | 'follow'>
  transparencyLog: Pick<LogStore, 'leaves'>
}): FollowOthers {
  const { highWater, listHighWater, leafFile } = q
  let hasFailed = false
  return {
    async isBehind() {
      if (hasFailed) return false
      const { index, suspensionList, leaves } = await q.reached()
      return (
        index > (await highWater.read()) ||
        suspensionList > (await listHighWater.read()) ||
        leaves > (await leafFile.size())
      )
    },
    async follow() {
      hasFailed = true
      const { index, suspensionList } = await q.reached()
      await highWater.raise(index)
      await listHighWater.raise(suspensionList)
      await followLeaves(leafFile, q.transparencyLog)
      hasFailed = false
    },
  }
}
