/**
 * Opens the file of an archive for a download, after a check that it is still the file that was written: in
 * the database, from any node, or in this node's folder. A file that was changed is refused.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { StoredFiles } from '#platform/stored-files/stored-files.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { StoredArchive } from './store.ts'

/**
 * Throws `not_found` when the archive is not complete or its file is not in this node's folder,
 * `malformed_archive` when the file was changed, and `stored_file_damaged` when it was in the database.
 */
export async function openArchive(
  { folder, files }: { folder: string | undefined; files: StoredFiles | undefined },
  { file, node, complete, sha256, stored }: StoredArchive,
): Promise<Readable> {
  if (!complete || (stored === null ? folder : files) === undefined)
    throw new Fault('not_found', { what: say`a finished archive ${file}` })
  if (stored !== null) {
    const { read } = await files!.open(stored, sha256)
    return Readable.from(read(), { objectMode: false })
  }
  const handle = await open(path.join(folder!, file), 'r').catch((cause: unknown) => {
    throw new Fault('not_found', {
      what: say`${file}, which node ${node} wrote, is not in the folder here`,
      cause,
    })
  })
  try {
    const found = createHash('sha256')
    // The same open file is read again afterwards, so replacing the file in the folder meanwhile has no
    // effect.
    for await (const chunk of handle.createReadStream({ start: 0, autoClose: false }))
      found.update(chunk as Buffer)
    if (!found.digest().equals(sha256))
      throw new Fault('malformed_archive', { what: say`${file} is not the file that was written` })
    return handle.createReadStream({ start: 0 })
  } catch (thrown) {
    await handle.close()
    throw thrown
  }
}
