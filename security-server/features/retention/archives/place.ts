/**
 * Where the file of an archive is written and read back before anything is recorded: under a temporary name
 * in a folder, synced; or in the database, each piece committed.
 */
import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ZipSource } from '#core/container/open-zip-source.ts'
import type { StoredFiles } from '#platform/stored-files/stored-files.ts'
import { Fault } from '#schemas/fault.ts'

/** `stored`: the new id of a file in the database; `maker`: this process. */
export type ArchiveTarget = { directory: string; temporary: string } | { stored: string; maker: string }

type ArchivePlace = {
  /** Returns the number of octets. */
  write(chunks: AsyncIterable<Buffer>): Promise<number>
  /** What is there now. */
  readBack(): Promise<string | ZipSource>
  /** Throws `io_error` when there is another file of this name. */
  checkFree(name: string): Promise<void>
}

/** `files` are those of the log's database. */
export function placeOf(target: ArchiveTarget, files: StoredFiles | undefined): ArchivePlace {
  if (!('stored' in target)) return inFolder(target)
  if (files === undefined) throw new Error('an archive in the database needs the cluster keys')
  return inDatabase(target, files)
}

function inFolder({ directory, temporary }: { directory: string; temporary: string }): ArchivePlace {
  return {
    async write(chunks) {
      await rm(temporary, { force: true })
      await pipeline(chunks, createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }))
      return (await stat(temporary)).size
    },
    readBack: async () => temporary,
    async checkFree(name) {
      const place = path.join(directory, name)
      if (await isThere(place)) throw new Fault('io_error', { what: `${place} is there already` })
    },
  }
}

function inDatabase({ stored, maker }: { stored: string; maker: string }, files: StoredFiles): ArchivePlace {
  return {
    async write(chunks) {
      await files.begin(stored, { maker })
      return await files.write(stored, chunks)
    },
    readBack: () => files.written(stored),
    // Files in the database are told apart by their ids.
    checkFree: async () => undefined,
  }
}

export async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
