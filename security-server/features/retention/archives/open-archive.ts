/** Gives the file of an archive to read, when it still is what was written: what was changed in the folder is not handed out. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { Fault } from '#schemas/fault.ts'
import type { StoredArchive } from './store.ts'

/** Throws `not_found` when it is under way or lies elsewhere, `malformed_archive` when it is another file. */
export async function openArchive(
  folder: string | undefined,
  { file, node, complete, sha256 }: StoredArchive,
): Promise<Readable> {
  if (!complete || folder === undefined) throw new Fault('not_found', { what: `a finished archive ${file}` })
  const handle = await open(path.join(folder, file), 'r').catch((cause: unknown) => {
    throw new Fault('not_found', {
      what: `${file}, which node ${node} wrote, is not in the folder here`,
      cause,
    })
  })
  try {
    const found = createHash('sha256')
    // The same file is read again: who changes the folder meanwhile changes nothing in it.
    for await (const chunk of handle.createReadStream({ start: 0, autoClose: false }))
      found.update(chunk as Buffer)
    if (!found.digest().equals(sha256))
      throw new Fault('malformed_archive', { what: `${file} is not the file that was written` })
    return handle.createReadStream({ start: 0 })
  } catch (thrown) {
    await handle.close()
    throw thrown
  }
}
