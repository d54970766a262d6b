/** Replaces a file whole or not at all, also over a power cut: written aside, synced, renamed, the folder synced. */
import { randomUUID } from 'node:crypto'
import { open, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

/** The file is readable by its owner only. Throws `io_error`. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}.tmp`
  try {
    const handle = await open(aside, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(aside, file)
    await syncFolder(path.dirname(file))
  } catch (cause) {
    throw new Fault('io_error', { what: file, cause })
  }
}

/** Makes durable what was created, renamed or deleted in a folder. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

/** Throws `io_error` when that cannot be told. */
export async function fileExists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new Fault('io_error', { what: file, cause })
  }
}
