/** Keeps a second process out of what one alone may work with, by a lock that the system frees however this process ends. */
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '#schemas/fault.ts'

/**
 * Locks `file`, which is made when it is absent, until the function that it gives is called: keep that, since a lock that
 * nobody refers to may end. Throws `conflict`, which says `what`, when somebody holds it.
 */
export function lockFile(file: string, what: string): () => void {
  let lock: DatabaseSync | undefined
  try {
    closeSync(openSync(file, 'a', 0o600))
    lock = new DatabaseSync(file, { timeout: 0 })
    // Never committed: SQLite's own advisory lock (fcntl) lasts as long as the connection.
    lock.exec('begin exclusive')
  } catch (cause) {
    lock?.close()
    throw new Fault('conflict', { what, cause })
  }
  const held = lock
  return () => held.close()
}
