/** Writes a file of a backup, unless there is one already: existing files stay unchanged. */
import { mkdir, open } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

/** Writes durably, readable by the owner only. False if the file exists already. Throws `io_error`. */
export async function putNewFile(file: string, bytes: Buffer): Promise<boolean> {
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(file, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    const folder = await open(path.dirname(file), 'r')
    await folder.sync().finally(() => folder.close())
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new Fault('io_error', { what: file, cause })
  }
}
