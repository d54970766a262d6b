/** The file of a body while it arrives: it gets its final name when it is whole and durable. */
import { close, fsync, open, writev } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { BodyDestination } from './body-file.ts'

// File descriptors instead of FileHandles: a FileHandle that is garbage-collected before it is closed ends
// the process.
const openFile = promisify(open)
const syncFile = promisify(fsync)
const closeFile = promisify(close)
const writePieces = promisify(writev)

/** `sync` makes the final name durable. */
export function incomingFile(q: { name: string; path: string; sync(): Promise<void> }): BodyDestination {
  const part = `${q.path}.part`
  let file: number | undefined
  return {
    name: q.name,
    append: async (pieces) => {
      file ??= await openFile(part, 'wx', 0o600)
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
      const { bytesWritten } = await writePieces(file, pieces)
      if (bytesWritten !== length) throw new Error('short write')
    },
    finish: async () => {
      const written = file as number
      await syncFile(written)
      file = undefined
      await closeFile(written)
      await rename(part, q.path)
      await q.sync()
    },
    giveUp: async () => {
      const open = file
      file = undefined
      if (open !== undefined) await closeFile(open).catch(() => undefined)
      // The file may already have its final name if syncing the folder failed. What cannot be removed now the
      // next start removes.
      for (const each of [part, q.path]) await rm(each, { force: true }).catch(() => undefined)
    },
  }
}
