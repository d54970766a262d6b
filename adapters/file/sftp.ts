/**
 * A directory that is reached by SFTP: the same as a folder of this machine, through operations that read
 * only. What the server says of its files is believed no more than a client is: names are checked, sizes and
 * numbers bounded.
 */
import { posix } from 'node:path'
import type { FileEntryWithStats, Stats } from 'ssh2'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { isPlainName } from './file-name.ts'
import type { LimitSettings, SourceSettings } from './settings.ts'
import { openConnection, type SftpConnection } from './sftp-connection.ts'
import type { FileFacts, FileSource, OpenFile } from './source.ts'
import { within } from './within.ts'

/** Status codes of the protocol (draft-ietf-secsh-filexfer-02 section 7). */
const [END, NO_SUCH_FILE, REFUSED] = [1, 2, 3]

export async function openSftp(
  source: SourceSettings,
  limits: Pick<LimitSettings, 'files'>,
  log: Log,
): Promise<FileSource> {
  return sftpFolder(await openConnection(source, log), source.directory!, limits)
}

/** One directory of a server; closing it closes the connection. */
export function sftpFolder(
  connection: SftpConnection,
  directory: string,
  limits: Pick<LimitSettings, 'files'>,
): FileSource {
  const { call } = connection
  const at = (name: string): string => posix.join(directory, name)
  return {
    names: (signal) => namesIn(connection, directory, limits.files, signal),
    look: async (name) => {
      const found = await call<Stats>((sftp, done) => sftp.lstat(at(name), done)).catch(absentOrFault)
      return found?.isFile() ? factsOf(name, found) : undefined
    },
    open: async (name) => {
      const handle = await call<Buffer>((sftp, done) => sftp.open(at(name), 'r', done)).catch(absentOrFault)
      return handle && openFile(connection, name, handle)
    },
    check: async () => {
      const found = await call<Stats>((sftp, done) => sftp.stat(directory, done)).catch(absentOrFault)
      if (!found?.isDirectory()) throw new Fault('source_unavailable', { what: 'the directory is not there' })
    },
    close: async () => connection.close(),
  }
}

function openFile({ call }: SftpConnection, name: string, handle: Buffer): OpenFile {
  return {
    facts: async () => {
      const found = await call<Stats>((sftp, done) => sftp.fstat(handle, done)).catch(absentOrFault)
      if (found === undefined) throw new Fault('file_changing')
      return factsOf(name, found)
    },
    read: async (position, length) => {
      const buffer = Buffer.alloc(length)
      const size = await call<number>((sftp, done) =>
        sftp.read(handle, buffer, 0, length, position, (error, read) => done(error, read)),
      ).catch((cause: unknown) => (codeOf(cause) === END ? 0 : absentOrFault(cause)))
      return buffer.subarray(0, size ?? 0)
    },
    close: () => call<void>((sftp, done) => sftp.close(handle, done)),
  }
}

/** Page by page: the library's own list is as long as the server wants. */
async function namesIn(
  { call }: SftpConnection,
  directory: string,
  most: number,
  signal: AbortSignal,
): Promise<string[]> {
  const handle = await call<Buffer>((sftp, done) => sftp.opendir(directory, done)).catch(absentOrFault)
  if (handle === undefined) throw new Fault('source_unavailable', { what: 'the directory is not there' })
  const names: string[] = []
  let entries = 0
  try {
    for (;;) {
      const page = await within(
        signal,
        call<FileEntryWithStats[]>((sftp, done) => sftp.readdir(handle, done)).catch((cause: unknown) =>
          codeOf(cause) === END ? undefined : absentOrFault(cause),
        ),
      )
      if (page === undefined) return [...new Set(names)]
      entries += page.length
      if (entries > most)
        throw new Fault('source_failed', { what: `its directory has more than ${most} entries` })
      for (const { filename, attrs } of page)
        if (isPlainName(filename) && attrs.isFile()) names.push(filename)
    }
  } finally {
    await call<void>((sftp, done) => sftp.close(handle, done)).catch(() => undefined)
  }
}

/** The protocol knows no more: another file of the same size in the same second looks like the same. */
function factsOf(name: string, { size, mtime }: Stats): FileFacts {
  if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(mtime))
    throw new Fault('source_failed', { what: 'a file has no size or time' })
  return { name, size, modified: new Date(mtime * 1000), version: `${size}.${mtime}` }
}

export function absentOrFault(cause: unknown): undefined {
  if (codeOf(cause) === NO_SUCH_FILE) return undefined
  if (cause instanceof Fault) throw cause
  if (codeOf(cause) === REFUSED)
    throw new Fault('source_failed', { what: 'the adapter may not read it at the server', cause })
  throw new Fault('source_unavailable', { cause })
}

function codeOf(cause: unknown): unknown {
  return (cause as { code?: unknown }).code
}
