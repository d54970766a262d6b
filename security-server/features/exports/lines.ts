/**
 * Where the lines of an export are, one record a line: in a file of the node that makes it, or in the
 * database, for all nodes. What is noted of an export is never ahead of its lines.
 */
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Within } from '#platform/database/open-database.ts'
import type { StoredFiles } from '#platform/stored-files/stored-files.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { ExportRow, ExportStore } from './store.ts'

/** Notes how far the export is; in this transaction, if there is one. */
type Note = (within?: Within) => Promise<void>

/** The lines of an export that is being made. */
type GrowingLines = {
  /** Adds lines behind the first `at` octets, durably, and notes it. */
  add(at: number, lines: Buffer, note: Note): Promise<void>
  /** All are there: they are made durable as a whole, and this is noted. */
  end(size: number, note: Note): Promise<void>
  close(): Promise<void>
}

/** The lines of an export that is done. */
export type ExportLines = {
  /** From the first one, each time. */
  read(): Readable
  close(): Promise<void>
}

/** Line by line, without node:readline, which does not report that a file cannot be read. */
export async function* textsOf(lines: ExportLines): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of lines.read().setEncoding('utf8') as AsyncIterable<string>) {
    const texts = (rest + chunk).split('\n')
    rest = texts.pop() ?? ''
    yield* texts
  }
}

export type LineStore = {
  /**
   * The first `bytes` octets are kept: what a killed run wrote without noting it goes. Throws `not_found` for
   * a file that has fewer.
   */
  grow(bytes: number): Promise<GrowingLines>
  /** Throws `not_found`, `stored_file_damaged`. */
  open(): Promise<ExportLines>
  delete(): Promise<void>
}

const END = '.jsonl'

type LineFolder = {
  of(id: string): LineStore
  /** The exports that have a file here. */
  ids(): Promise<string[]>
}

/** `directory` must contain nothing but exports. It is created if missing. */
export async function openLineFolder(directory: string): Promise<LineFolder> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const pathOf = (id: string): string => path.join(directory, `${id}${END}`)
  return {
    ids: async () => (await readdir(directory)).map((name) => path.basename(name, END)),
    of: (id) => ({
      async grow(bytes) {
        // A truncation to more than there is would fill it up with zeros.
        const size = bytes === 0 ? 0 : (await stat(pathOf(id)).catch(gone)).size
        if (size < bytes) gone(undefined)
        const file = await open(pathOf(id), 'a', 0o600)
        try {
          await file.truncate(bytes)
        } catch (cause) {
          await file.close()
          throw cause
        }
        return {
          async add(_at, lines, note) {
            if (lines.length > 0) {
              await file.appendFile(lines)
              await file.datasync()
            }
            await note()
          },
          async end(_size, note) {
            await file.sync()
            await note()
          },
          close: () => file.close(),
        }
      },
      // Kept open, so that who deletes the export meanwhile breaks no answer.
      open: async () => fileLines(await open(pathOf(id)).catch(gone)),
      delete: () => rm(pathOf(id), { force: true }),
    }),
  }
}

function fileLines(file: FileHandle): ExportLines {
  return {
    read: () => file.createReadStream({ start: 0, autoClose: false }),
    close: () => file.close(),
  }
}

/** The file was begun together with the row of the export. */
export function storedLines(
  id: string,
  { files, store }: { files: StoredFiles; store: Pick<ExportStore, 'together'> },
): LineStore {
  return {
    // Lines and what is noted of them are one commit: nothing has to go.
    grow: async () => ({
      add: (at, lines, note) => (lines.length === 0 ? note() : files.append(id, at, lines, note)),
      async end(size, note) {
        const sha256 = await files.digest((await files.written(id)).read)
        await store.together(async (within) => {
          await files.complete(id, { size, sha256, within })
          await note(within)
        })
      },
      close: async () => undefined,
    }),
    async open() {
      const { read } = await files.open(id).catch((thrown: unknown) => {
        throw asFault(thrown).code === 'not_found' ? gone(thrown) : thrown
      })
      return {
        read: () => Readable.from(read(), { objectMode: false }),
        close: async () => undefined,
      }
    },
    delete: () => files.remove(id),
  }
}

function gone(cause: unknown): never {
  throw new Fault('not_found', { what: say`the file is gone: order the export again`, cause })
}

/** Of an order: the file in the database that its export will have. */
export function beginStored(row: Pick<ExportRow, 'stored'>, files: StoredFiles): Note {
  return async (within) => {
    if (row.stored !== null) await files.begin(row.stored, { maker: null, within })
  }
}
