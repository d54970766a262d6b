/** Reads files that hold keys, and refuses one that others could have read as well. */
import { readFile, stat } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'

/** The text of a file that nobody else may read; undefined when it is absent. */
export async function readPrivate(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) {
      throw new Fault('io_error', { what: `${path} can be read by others: chmod 600` })
    }
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Fault('io_error', { what: path, cause })
  }
}
