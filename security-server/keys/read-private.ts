/** Reads files that contain keys, and refuses a file that others could have read. */
import { readFile, stat } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/**
 * The text of a file with no permissions for others; undefined when the file is absent. Throws `io_error`.
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) {
      throw new Fault('io_error', { what: say`${path} can be read by others: chmod 600` })
    }
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Fault('io_error', { what: path, cause })
  }
}
