/**
 * Replaces a file completely or not at all, even when the power fails: writes a temporary file, syncs it,
 * renames it and syncs the folder.
 */
import { randomUUID } from 'node:crypto'
import { link, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { KeptFiles } from '#platform/nodes/kept-files.ts'
import { Fault } from '#schemas/fault.ts'

/** What `link` throws on a file system without hard links. */
const NO_LINKS = new Set<string | undefined>(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])
const LEFT_MS = 60_000

export const ofOneNode: KeptFiles = {
  write: (file, content) => writeDurably(file, content),
  async remove(file) {
    await rm(file, { force: true })
    await syncFolder(path.dirname(file))
  },
  catchUp: async () => undefined,
}

/** Only the owner may read the file (mode 0600). Throws `io_error`. */
export async function writeDurably(file: string, text: string | Buffer): Promise<void> {
  await putInPlace(file, text, (aside) => rename(aside, file))
}

/**
 * The same, unless the file is there already: of several processes that write it at once one does. On a file
 * system without hard links it may be empty after a crash. Throws `io_error`.
 */
export async function writeOnce(file: string, text: string): Promise<void> {
  await putInPlace(file, text, async (aside) => {
    await link(aside, file)
      .catch((cause: NodeJS.ErrnoException) => {
        if (!NO_LINKS.has(cause.code)) throw cause
        return writeNew(file, text)
      })
      .catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'EEXIST') throw cause
      })
    await rm(aside)
  })
}

/**
 * Removes what processes that ended while they wrote this file have left beside it: it has the same content.
 */
export async function removeLeft(file: string): Promise<void> {
  const [folder, begin] = [path.dirname(file), `${path.basename(file)}.`]
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter((one) => one.startsWith(begin) && one.endsWith('.tmp'))) {
    const aside = path.join(folder, name)
    const facts = await stat(aside).catch(() => undefined)
    // A newer one is still being written by another process.
    if (facts !== undefined && facts.mtimeMs < Date.now() - LEFT_MS) await rm(aside, { force: true })
  }
}

async function putInPlace(
  file: string,
  text: string | Buffer,
  put: (aside: string) => Promise<void>,
): Promise<void> {
  const aside = `${file}.${randomUUID()}.tmp`
  try {
    await writeNew(aside, text)
    await put(aside)
    await syncFolder(path.dirname(file))
  } catch (cause) {
    throw new Fault('io_error', { what: file, cause })
  }
}

async function writeNew(file: string, text: string | Buffer): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Syncs a folder, so that files created, renamed or deleted in it stay so after a power failure. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

/** Throws `io_error` when the file system does not answer that. */
export async function fileExists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new Fault('io_error', { what: file, cause })
  }
}
