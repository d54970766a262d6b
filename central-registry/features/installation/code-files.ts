/**
 * Writes the two codes of the installation ceremony once, each into its own file (mode 0600). If the process
 * crashes meanwhile, the next start completes the work. A file that belongs to another database is never
 * overwritten.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFile, rename, rm } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'
import { fileExists, writeDurably } from '../../configuration/durable-file.ts'
import type { InstallationStore } from './store.ts'

/**
 * Writes the codes that the database does not have yet. Throws `invalid_configuration` for an existing file
 * whose code this database never had.
 */
export async function writeInstallationCodes(
  files: [first: string, second: string],
  store: Pick<InstallationStore, 'code' | 'putCode'>,
): Promise<void> {
  for (const [at, file] of files.entries()) await writeCode(at + 1, file, store)
}

async function writeCode(
  number: number,
  file: string,
  store: Pick<InstallationStore, 'code' | 'putCode'>,
): Promise<void> {
  // This file exists from before the database has the code's digest until it is renamed to `file`.
  const begun = `${file}.begun`
  const code = await store.code(number)
  if (code !== undefined) {
    if (!(await fileExists(begun))) return
    const isOurs = digestOf((await readFile(begun, 'utf8')).trim()).equals(code)
    return isOurs ? rename(begun, file) : rm(begun)
  }
  if (await fileExists(file)) {
    throw new Fault('invalid_configuration', {
      what: `${file} exists, but the database has no installation code: the file belongs to another database, remove it`,
    })
  }
  const text = randomBytes(32).toString('base64url')
  await writeDurably(begun, `${text}\n`)
  // Another node may have been faster; then that node's file has the code.
  await ((await store.putCode(number, digestOf(text))) ? rename(begun, file) : rm(begun))
}

export function digestOf(code: string): Buffer {
  return createHash('sha256').update(code).digest()
}
