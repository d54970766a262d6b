/**
 * Prevents a second process from using what only one may use, with a lock that the operating system releases
 * however this process ends.
 */
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '#schemas/fault.ts'

/** The lower octet of SQLite's code: somebody has the lock, or the file system has none. */
const SQLITE_BUSY = 5

/**
 * Locks `file`, which is created if missing. The returned function unlocks it; keep a reference to it, since
 * an unreferenced lock may be released. Throws `conflict` with the text `what` when another process has the
 * lock, and `invalid_configuration` when the file cannot be made or locked at all.
 */
export function lockFile(file: string, what: string): () => void {
  let lock: DatabaseSync | undefined
  try {
    makePrivate(file)
    lock = new DatabaseSync(file, { timeout: 0 })
    // Never committed. SQLite's own advisory lock (fcntl) lasts as long as the connection.
    lock.exec('begin exclusive')
  } catch (cause) {
    lock?.close()
    const { errcode = 0 } = cause as { errcode?: number }
    if ((errcode & 0xff) === SQLITE_BUSY) throw new Fault('conflict', { what, cause })
    throw new Fault('invalid_configuration', {
      what: `${file} cannot be locked: ${(cause as Error).message}`,
      cause,
    })
  }
  const held = lock
  return () => held.close()
}

/** A file that is there stays closed: to close it would release the lock that this process may have on it. */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
  }
}
