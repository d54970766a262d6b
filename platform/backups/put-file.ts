/** Writes a file of a backup, unless there is one already: existing files stay unchanged. */
import { link, mkdir, open, rm, unlink } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

/**
 * Writes durably, readable by the owner only. False if the file exists already. The name appears with the
 * whole file: half a file, which a crash left, would be taken for one that has to stay. Throws `io_error`.
 */
export async function putNewFile(file: string, bytes: Buffer): Promise<boolean> {
  const half = `${file}.being-restored`
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    // After a crash it may be a second name of the file that has to stay: it is never written to again.
    await rm(half, { force: true })
    const handle = await open(half, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    const isNew = await link(half, file).then(() => true, ifThere)
    await unlink(half)
    const folder = await open(path.dirname(file), 'r')
    await folder.sync().finally(() => folder.close())
    return isNew
  } catch (cause) {
    throw new Fault('io_error', { what: file, cause })
  }
}

function ifThere(cause: NodeJS.ErrnoException): false {
  if (cause.code !== 'EEXIST') throw cause
  return false
}
