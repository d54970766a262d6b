/**
 * Reads one of our own YAML documents. Parsing is the slowest step of a start, so the parsed document is
 * cached as JSON next to Node's compile cache, under the digest of its text. That folder is as trusted as the
 * code that Node runs from it.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { getCompileCacheDir } from 'node:module'
import path from 'node:path'

/** Returns the document. A damaged or unwritable cache only costs time. */
export async function readDocument<T>(file: URL, folder = getCompileCacheDir()): Promise<T> {
  const text = await readFile(file, 'utf8')
  const kept =
    folder === undefined
      ? undefined
      : path.join(folder, 'documents', `${createHash('sha256').update(text).digest('hex')}.json`)
  const known = kept === undefined ? undefined : await readKept<T>(kept)
  if (known !== undefined) return known
  const { parse } = await import('yaml')
  // Our own file may have any number of aliases; none of them is an attack.
  const document = parse(text, { maxAliasCount: -1 }) as T
  if (kept !== undefined) await keep(kept, JSON.stringify(document))
  return document
}

async function readKept<T>(file: string): Promise<T | undefined> {
  try {
    const kept: unknown = JSON.parse(await readFile(file, 'utf8'))
    return typeof kept === 'object' && kept !== null ? (kept as T) : undefined
  } catch {
    return undefined
  }
}

/** Writes completely or not at all, also when two processes start at the same time. */
async function keep(file: string, json: string): Promise<void> {
  const part = `${file}.${process.pid}`
  try {
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(part, json)
    await rename(part, file)
  } catch {
    await rm(part, { force: true }).catch(() => undefined)
  }
}
