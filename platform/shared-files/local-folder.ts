/** The shared files as this node has them on its disk: each is replaced whole and durably, with mode 0600. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

export type LocalFolder = {
  /** The names of all files here that are shared. */
  list(): Promise<string[]>
  read(name: string): Promise<Buffer | undefined>
  write(name: string, bytes: Buffer): Promise<void>
  remove(name: string): Promise<void>
}

const DEPTH = 3

/** `isShared` gets paths below `directory`, with slashes; `tops` are the folders in which such files lie. */
export function localFolder(
  directory: string,
  tops: readonly string[],
  isShared: (name: string) => boolean,
): LocalFolder {
  const fileOf = (name: string): string => path.join(directory, name)
  const namesIn = async (folder: string, depth: number): Promise<string[]> => {
    const found = await readdir(fileOf(folder), { withFileTypes: true }).catch(unlessAbsent([]))
    const names = found.map(async (one): Promise<string[]> => {
      const name = path.posix.join(folder, one.name)
      if (one.isDirectory()) return depth > 1 ? namesIn(name, depth - 1) : []
      return one.isFile() && isShared(name) ? [name] : []
    })
    return (await Promise.all(names)).flat()
  }
  return {
    async list() {
      const lists = await Promise.all([namesIn('.', 1), ...tops.map((top) => namesIn(top, DEPTH))])
      return lists.flat().sort()
    },
    read: (name) => readFile(fileOf(name)).catch(unlessAbsent(undefined)),
    async write(name, bytes) {
      const file = fileOf(name)
      const beside = `${file}.${randomBytes(4).toString('hex')}.new`
      try {
        await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
        const handle = await open(beside, 'wx', 0o600)
        try {
          await handle.writeFile(bytes)
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(beside, file)
        await syncFolder(path.dirname(file))
      } catch (cause) {
        await rm(beside, { force: true }).catch(() => undefined)
        throw new Fault('io_error', { what: `writing ${file}`, cause })
      }
    },
    async remove(name) {
      await rm(fileOf(name), { force: true })
      await syncFolder(path.dirname(fileOf(name))).catch(unlessAbsent(undefined))
    },
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

function unlessAbsent<T>(otherwise: T): (cause: unknown) => T {
  return (cause) => {
    if ((cause as { code?: unknown }).code !== 'ENOENT') throw cause
    return otherwise
  }
}
