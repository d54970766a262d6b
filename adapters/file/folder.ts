/** A folder of this machine: plain files in it and nothing else, whatever links lie there. */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, opendir, stat } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'
import { isPlainName } from './file-name.ts'
import type { FileFacts, FileSource, OpenFile } from './source.ts'

/** A link is not followed; a pipe does not hold the process. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const ABSENT: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENXIO',
  'EISDIR',
])
/** What RFC 3339 can write. */
const LAST_MS = Date.parse('9999-12-31T23:59:59Z')
const REFUSED: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM'])

export function openFolder(folder: string, most: number): FileSource {
  return {
    names: (signal) => namesIn(folder, most, signal),
    look: async (name) => {
      const found = await lstat(path.join(folder, name)).catch(absentOrFault)
      return found?.isFile() ? factsOf(name, found) : undefined
    },
    open: async (name) => {
      const handle = await open(path.join(folder, name), FLAGS).catch(absentOrFault)
      if (handle === undefined) return undefined
      const found = await handle.stat().catch(absentOrFault)
      if (found?.isFile()) return openFile(name, handle)
      await handle.close()
      return undefined
    },
    check: async () => {
      const found = await stat(folder).catch((cause: unknown) => {
        throw new Fault('source_unavailable', { what: 'the folder cannot be read', cause })
      })
      if (!found.isDirectory()) throw new Fault('source_unavailable', { what: 'the folder is no folder' })
    },
    close: async () => undefined,
  }
}

function openFile(name: string, handle: FileHandle): OpenFile {
  return {
    facts: async () => factsOf(name, await handle.stat()),
    read: async (position, length) => {
      const buffer = Buffer.allocUnsafe(length)
      const { bytesRead } = await handle.read(buffer, 0, length, position).catch((cause: unknown) => {
        throw new Fault('source_failed', { what: 'its file cannot be read', cause: unnamed(cause) })
      })
      return buffer.subarray(0, bytesRead)
    },
    close: () => handle.close(),
  }
}

async function namesIn(folder: string, most: number, signal: AbortSignal): Promise<string[]> {
  const names: string[] = []
  let entries = 0
  try {
    for await (const entry of await opendir(folder, { bufferSize: 1024 })) {
      if (signal.aborted) throw new Fault('source_timeout')
      if (++entries > most)
        throw new Fault('source_failed', { what: `its folder has more than ${most} entries` })
      if (entry.isFile() && isPlainName(entry.name)) names.push(entry.name)
    }
  } catch (cause) {
    throw cause instanceof Fault ? cause : new Fault('source_unavailable', { cause })
  }
  return names
}

/** The time of a change (ctime) cannot be set by whoever writes the file; that of its content can be any. */
function factsOf(name: string, { size, mtimeMs, ctimeMs, ino }: Stats): FileFacts {
  const modified = new Date(Math.min(Math.max(mtimeMs, 0), LAST_MS))
  return { name, size, modified, version: `${ino}.${size}.${mtimeMs}.${ctimeMs}` }
}

export function absentOrFault(thrown: unknown): undefined {
  const { code } = thrown as { code?: unknown }
  if (ABSENT.has(code)) return undefined
  if (REFUSED.has(code))
    throw new Fault('source_failed', { what: 'the adapter may not read its file', cause: unnamed(thrown) })
  throw new Fault('source_unavailable', { cause: unnamed(thrown) })
}

/** The text of the system's own error has the name of the file, which is not for the log. */
function unnamed(thrown: unknown): Error {
  const { code, syscall } = thrown as { code?: unknown; syscall?: unknown }
  return new Error(`${code} at ${syscall}`)
}
