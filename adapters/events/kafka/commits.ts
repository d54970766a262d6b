/**
 * Commits what is confirmed. Guarantees that one request is on its way at a time, and that none says more
 * than is confirmed.
 */
import type { Log } from '#platform/logging/create-log.ts'
import type { Connection } from './connection.ts'
import { commit, type Membership } from './group.ts'
import type { Progress } from './progress.ts'

export type Session = { connection: Connection; member: Membership; topicId: string }

/**
 * The returned function resolves when what is confirmed now is committed, or when that has failed; the next
 * session commits it then.
 */
export function createCommits(q: {
  topic: string
  progress: ReadonlyMap<number, Progress>
  current(): Session | undefined
  log: Log
}): () => Promise<void> {
  let committing: Promise<void> | undefined
  let isDue = false

  async function commitAll(): Promise<void> {
    for (let session = q.current(); isDue && session !== undefined; session = q.current()) {
      isDue = false
      const due = [...q.progress].flatMap(([index, one]) => {
        const offset = one.toCommit()
        return offset === undefined ? [] : [{ index, offset, one }]
      })
      if (due.length === 0) return
      const { connection, member, topicId } = session
      await commit(connection, member, { topic: q.topic, topicId }, due)
      for (const { one, offset } of due) one.committed(offset)
    }
  }

  return () => {
    isDue = true
    // The heartbeat hears why as well.
    committing ??= commitAll()
      .catch((thrown: unknown) => q.log.warn({ err: thrown }, 'not committed: it is committed later'))
      .finally(() => {
        committing = undefined
      })
    return committing
  }
}
