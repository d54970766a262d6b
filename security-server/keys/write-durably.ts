/**
 * Replaces a file so that a crash leaves either the old or the new content, never a part: write, fsync,
 * rename, fsync of the folder.
 */
import { randomBytes } from 'node:crypto'
import { open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '#schemas/fault.ts'

export type WriteFile = (file: string, bytes: Buffer) => Promise<void>
export type RemoveFile = (file: string) => Promise<void>

/**
 * The suffix of the file that is written before the rename. A file with it that a crash left is ignored and
 * removed.
 */
export const UNFINISHED = '.unfinished'

/** Writes `bytes` with mode 0600. Throws `io_error`; the file then keeps its old content. */
export const writeDurably: WriteFile = async (file, bytes) => {
  const beside = `${file}.${randomBytes(4).toString('hex')}${UNFINISHED}`
  try {
    const handle = await open(beside, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, file)
    await syncFolder(dirname(file))
  } catch (cause) {
    await unlink(beside).catch(() => undefined)
    throw new Fault('io_error', { what: `writing ${file}`, cause })
  }
}

/** Removes a file for good. */
export const removeDurably: RemoveFile = async (file) => {
  await unlink(file)
  await syncFolder(dirname(file))
}

/** Makes renames and removals in a folder durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
