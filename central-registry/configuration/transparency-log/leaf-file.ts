/**
 * Stores the hashes of the log's leaves, 32 octets each, in a file of this node apart from the database. A
 * database that was restored from a backup lacks its newest leaves, and a log without them would contradict
 * what servers have seen.
 */
import { open } from 'node:fs/promises'
import { HASH_LENGTH } from '#core/merkle/hash.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { OpenLog } from './store.ts'

export type LeafFile = {
  /**
   * The number of leaves in the file; 0 without a file. A leaf that a crash left incomplete does not count.
   */
  size(): Promise<number>
  /**
   * Durably appends the leaves that the file lacks; `leavesFrom` returns a page of leaves from a position on.
   * Throws `log_inconsistent` when the file's last leaf differs from the log's leaf at that position.
   */
  follow(leavesFrom: (position: number) => Promise<Buffer[]>): Promise<void>
  /**
   * Appends to the log the leaves that it lost and this file still has, if administrators accepted a loss up
   * to `accepted` leaves. Throws `global_conf_rollback` if they did not, or if only another node has leaves
   * that they accepted; `log_inconsistent` if log and file belong to different logs.
   */
  restore(log: OpenLog, accepted: number): Promise<void>
}

export function createLeafFile(file: string): LeafFile {
  let queue: Promise<unknown> = Promise.resolve()

  async function withFile<T>(
    flags: string,
    act: (handle: Awaited<ReturnType<typeof open>>) => Promise<T>,
  ): Promise<T> {
    try {
      const handle = await open(file, flags, 0o600)
      try {
        return await act(handle)
      } finally {
        await handle.close()
      }
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      throw new Fault('io_error', { what: file, cause })
    }
  }

  const size = (): Promise<number> =>
    withFile('a+', async (handle) => Math.floor((await handle.stat()).size / HASH_LENGTH))

  const leaf = (position: number): Promise<Buffer> =>
    withFile('r', async (handle) => {
      const { buffer, bytesRead } = await handle.read({
        ...{ buffer: Buffer.alloc(HASH_LENGTH), length: HASH_LENGTH },
        position: position * HASH_LENGTH,
      })
      if (bytesRead !== HASH_LENGTH) throw new Fault('io_error', { what: say`${file} ends too early` })
      return buffer
    })

  async function followNow(leavesFrom: (position: number) => Promise<Buffer[]>): Promise<void> {
    for (;;) {
      const position = await size()
      const known = Math.min(1, position)
      const found = await leavesFrom(position - known)
      const leaves = found.slice(known)
      if (known === 1 && found.length > 0 && !found[0]!.equals(await leaf(position - 1)))
        throw new Fault('log_inconsistent', {
          what: `leaf ${position - 1} of the transparency log is another one in ${file}`,
        })
      if (leaves.length === 0) return
      await withFile('r+', async (handle) => {
        const bytes = Buffer.concat(leaves)
        await handle.write(bytes, 0, bytes.length, position * HASH_LENGTH)
        await handle.sync()
      })
    }
  }

  return {
    size,
    follow: (leavesFrom) => {
      const done = queue.then(() => followNow(leavesFrom))
      queue = done.catch(() => undefined)
      return done
    },
    restore: async (log, accepted) => {
      const [kept, present] = [await size(), await log.size()]
      const common = Math.min(kept, present)
      if (common > 0 && !(await leaf(common - 1)).equals(await log.leaf(common - 1)))
        throw new Fault('log_inconsistent', {
          what: `leaf ${common - 1} of the transparency log is another one in ${file}`,
        })
      if (kept > Math.max(present, accepted))
        throw new Fault('global_conf_rollback', {
          what: `the transparency log has ${present} leaves, this node has published ${kept}: an older database was restored`,
        })
      // Other leaves in their places would be a second history.
      if (accepted > Math.max(kept, present))
        throw new Fault('global_conf_rollback', {
          what: `the transparency log has ${present} leaves, and ${accepted} were accepted: the node that has them in its folder publishes first`,
        })
      for (let position = present; position < kept; position++) await log.appendLost(await leaf(position))
    },
  }
}
