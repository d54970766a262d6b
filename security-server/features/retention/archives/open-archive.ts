/**
 * Opens the file of an archive for a download, after a check that it is still the file that was written. A file that was changed
 * in the folder is refused.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { StoredArchive } from './store.ts'

/**
 * Throws `not_found` when the archive is not complete or its file is not in this node's folder, and `malformed_archive` when the
 * file was changed.
 */
export async function openArchive(
  folder: string | undefined,
  { file, node, complete, sha256 }: StoredArchive,
): Promise<Readable> {
  if (!complete || folder === undefined)
    throw new Fault('not_found', { what: say`a finished archive ${file}` })
  const handle = await open(path.join(folder, file), 'r').catch((cause: unknown) => {
    throw new Fault('not_found', {
      what: say`${file}, which node ${node} wrote, is not in the folder here`,
      cause,
    })
  })
  try {
    const found = createHash('sha256')
    // The same open file is read again afterwards, so replacing the file in the folder meanwhile has no effect.
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
