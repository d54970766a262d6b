/**
 * The folders of files that become messages. Guarantees that a file is moved by one rename and never over
 * another one, and that a file which is written appears under its name whole and durable, or not at all.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, mkdir, open, rename, unlink } from 'node:fs/promises'
import path, { posix } from 'node:path'
import type { SFTPWrapper, Stats } from 'ssh2'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { absentOrFault, openFolder } from '../folder.ts'
import type { SourceSettings } from '../settings.ts'
import type { FileSource } from '../source.ts'

/** `drop` is where files are delivered; the others are folders in it. */
type Place = 'drop' | 'taken' | 'done' | 'quarantine'

export type Places = {
  source: Record<Place, FileSource>
  /** Makes the folders that are missing. Throws `source_unavailable`, `source_failed`. */
  prepare(): Promise<void>
  /** False when there is something of the name `as` already, or the file is gone. */
  move(name: string, from: Place, to: Place, as?: string): Promise<boolean>
  has(name: string, place: Place): Promise<boolean>
  remove(name: string, place: Place): Promise<void>
  /** Writes a file into a folder, in place of one of its name. */
  put(directory: string, name: string, bytes: Uint8Array): Promise<void>
  /** Whether the name is that of something else than a file of these bytes. */
  holdsOther(directory: string, name: string, bytes: Uint8Array): Promise<boolean>
  directoryOf(place: Place): string
  close(): Promise<void>
}

const INNER = ['taken', 'done', 'quarantine'] as const
const PIECE_BYTES = 32 * 1024
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

export async function openPlaces(source: SourceSettings, files: number, log: Log): Promise<Places> {
  return source.kind === 'folder' ? localPlaces(source.folder!, files) : sftpPlaces(source, files, log)
}

/** What every kind of folder can do. */
type Acts = {
  isFolder(at: string): Promise<boolean | undefined>
  exists(at: string): Promise<boolean>
  make(at: string): Promise<void>
  rename(from: string, to: string): Promise<boolean>
  unlink(at: string): Promise<void>
  write(directory: string, temporary: string, name: string, bytes: Uint8Array): Promise<void>
}

function placesOf(q: {
  root: string
  join(...parts: string[]): string
  open(directory: string): FileSource
  acts: Acts
  close(): Promise<void>
}): Places {
  const { root, join, acts } = q
  const directoryOf = (place: Place): string => (place === 'drop' ? root : join(root, place))
  const at = (place: Place, name: string): string => join(directoryOf(place), name)
  const source = Object.fromEntries(
    (['drop', ...INNER] as const).map((place) => [place, q.open(directoryOf(place))]),
  ) as Record<Place, FileSource>
  return {
    source,
    directoryOf,
    async prepare() {
      await source.drop.check()
      for (const place of INNER) {
        const found = await acts.isFolder(directoryOf(place))
        if (found === undefined) await acts.make(directoryOf(place))
        // A link would lead files elsewhere.
        else if (!found) throw new Fault('source_failed', { what: `${place} is no folder of its own` })
      }
    },
    async move(name, from, to, as = name) {
      // Nobody but this process writes there.
      if (await acts.exists(at(to, as))) return false
      return acts.rename(at(from, name), at(to, as))
    },
    has: (name, place) => acts.exists(at(place, name)),
    remove: (name, place) => acts.unlink(at(place, name)),
    put: (directory, name, bytes) => acts.write(directory, partOf(name), name, bytes),
    async holdsOther(directory, name, bytes) {
      if (!(await acts.exists(join(directory, name)))) return false
      return !(await isFileOf(q.open(directory), name, bytes))
    },
    close: q.close,
  }
}

/** Hidden, and not longer than a name may be. */
function partOf(name: string): string {
  return `.${createHash('sha256').update(name).digest('hex').slice(0, 32)}.part`
}

/** What may not be read is another one. */
async function isFileOf(source: FileSource, name: string, bytes: Uint8Array): Promise<boolean> {
  const file = await source.open(name).catch((thrown: unknown) => {
    if (thrown instanceof Fault && thrown.code === 'source_failed') return undefined
    throw thrown
  })
  if (file === undefined) return false
  try {
    if ((await file.facts()).size !== bytes.length) return false
    for (let at = 0; at < bytes.length; ) {
      const piece = await file.read(at, Math.min(PIECE_BYTES, bytes.length - at))
      if (piece.length === 0 || !piece.equals(bytes.subarray(at, at + piece.length))) return false
      at += piece.length
    }
    return true
  } finally {
    await file.close().catch(() => undefined)
  }
}

function localPlaces(folder: string, files: number): Places {
  return placesOf({
    ...{ root: folder, join: path.join, open: (one) => openFolder(one, files), close: async () => undefined },
    acts: {
      isFolder: async (at) => (await lstat(at).catch(absentOrFault))?.isDirectory(),
      exists: async (at) => (await lstat(at).catch(absentOrFault)) !== undefined,
      make: (at) => mkdir(at, { mode: 0o750 }).then(() => undefined, absentOrFault),
      rename: (from, to) =>
        rename(from, to).then(
          () => true,
          (cause: unknown) => goneOrFault(cause) ?? false,
        ),
      unlink: (at) => unlink(at).catch(absentOrFault),
      async write(directory, temporary, name, bytes) {
        const part = path.join(directory, temporary)
        const missing = (cause: unknown): never => {
          goneOrFault(cause)
          throw new Fault('source_unavailable', { what: 'the folder to write into is not there' })
        }
        const handle = await open(part, NEW_FILE, 0o640).catch(missing)
        try {
          await handle.writeFile(bytes)
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(part, path.join(directory, name)).catch(missing)
        // The name is durable when its folder is.
        const parent = await open(directory, constants.O_RDONLY).catch(missing)
        await parent.sync().finally(() => parent.close())
      },
    },
  })
}

/** A name that is too long for a folder says nothing of what lies under another one. */
function goneOrFault(thrown: unknown): undefined {
  if ((thrown as { code?: unknown }).code === 'ENAMETOOLONG')
    throw new Fault('source_failed', { what: 'a name is too long for its folder' })
  return absentOrFault(thrown)
}

/** The SSH library is loaded only when the settings name a server. */
async function sftpPlaces(settings: SourceSettings, files: number, log: Log): Promise<Places> {
  const { openConnection } = await import('../sftp-connection.ts')
  const { sftpFolder, absentOrFault: absent } = await import('../sftp.ts')
  const connection = await openConnection(settings, log)
  const act = (begin: (sftp: SFTPWrapper, done: (error?: Error | null) => void) => void): Promise<void> =>
    connection.call<void>(begin)
  const look = (at: string): Promise<Stats | undefined> =>
    connection.call<Stats>((sftp, done) => sftp.lstat(at, done)).catch(absent)
  return placesOf({
    ...{ root: settings.directory!, join: posix.join, close: async () => connection.close() },
    open: (directory) => sftpFolder(connection, directory, { files }),
    acts: {
      isFolder: async (at) => (await look(at))?.isDirectory(),
      exists: async (at) => (await look(at)) !== undefined,
      make: (at) => act((sftp, done) => sftp.mkdir(at, done)).catch(absent),
      rename: (from, to) =>
        act((sftp, done) => sftp.rename(from, to, done)).then(
          () => true,
          (cause: unknown) => absent(cause) ?? false,
        ),
      unlink: (at) => act((sftp, done) => sftp.unlink(at, done)).catch(absent),
      async write(directory, temporary, name, bytes) {
        const part = posix.join(directory, temporary)
        const handle = await connection.call<Buffer>((sftp, done) => sftp.open(part, 'w', done))
        const close = (): Promise<void> => act((sftp, done) => sftp.close(handle, done))
        try {
          for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
            const piece = Buffer.from(bytes.subarray(from, from + PIECE_BYTES))
            await act((sftp, done) => sftp.write(handle, piece, 0, piece.length, from, done))
          }
          await act((sftp, done) => sftp.ext_openssh_fsync(handle, (error) => done(error)))
        } catch (thrown) {
          // A connection stays for days, and a server lets it have some hundred files open. What failed is
          // the fault that is told.
          await close().catch(() => undefined)
          throw thrown
        }
        await close()
        await act((sftp, done) => sftp.ext_openssh_rename(part, posix.join(directory, name), done))
      },
    },
  })
}
