/**
 * The file operations of this room, each durable when it resolves. They are passed in, so that tests can make
 * any of them fail.
 */
import { link, mkdir, open, rename, rm, symlink } from 'node:fs/promises'
import path from 'node:path'

export type DurableFiles = {
  /** Creates a new file; others may read it, because X-Road's tools run as other users. */
  create(file: string, bytes: Buffer): Promise<void>
  /** Gives a file a second name: unchanged content is not written again. */
  link(existing: string, file: string): Promise<void>
  /** Creates a folder and its parents. */
  createFolder(folder: string): Promise<void>
  /** Makes the names in a folder durable. */
  sync(folder: string): Promise<void>
  /** Replaces a file: after a crash it has the old or the new content. */
  replace(file: string, bytes: Buffer): Promise<void>
  /** Points a symbolic link at another target in one step. */
  point(name: string, target: string): Promise<void>
  remove(folder: string): Promise<void>
}

export const durableFiles: DurableFiles = {
  create: writeAndSync,
  link,
  createFolder: async (folder) => {
    await mkdir(folder, { recursive: true, mode: 0o755 })
  },
  sync: syncFolder,
  replace: async (file, bytes) => {
    const beside = `${file}.new`
    await rm(beside, { force: true })
    await writeAndSync(beside, bytes)
    await rename(beside, file)
    await syncFolder(path.dirname(file))
  },
  point: async (name, target) => {
    const beside = `${name}.new`
    await rm(beside, { force: true })
    await symlink(target, beside)
    await rename(beside, name)
    await syncFolder(path.dirname(name))
  },
  remove: async (folder) => {
    await rm(folder, { recursive: true, force: true })
  },
}

async function writeAndSync(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'wx', 0o644)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
