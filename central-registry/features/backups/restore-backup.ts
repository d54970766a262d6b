/**
 * Restores a registry from a backup, offline. Guarantees that nothing is overwritten: the database must be
 * empty, a key file or a longer file of leaves in the folder stays, and a mark is raised but never lowered.
 * The rows come last: a restore that ends before can be run again.
 */
import { mkdir, open, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Migration } from 'kysely/migration'
import { putNewFile } from '#platform/backups/put-file.ts'
import { Fault } from '#schemas/fault.ts'
import { fileExists } from '../../configuration/durable-file.ts'
import { createHighWater } from '../../configuration/high-water.ts'
import { KEY_FOLDER, MARKS } from './make-backup.ts'
import { restoreRegister } from './restore-store.ts'
import { type VerifiedBackup, verifyBackup } from './verify-backup.ts'

const [INDEX, LIST, LEAVES] = MARKS as [string, string, string]

/** Throws `backup_invalid`, `conflict` for a database that is not empty, or `log_inconsistent`. */
export async function restoreBackup(q: {
  file: string
  secret: string
  settings: { directory: string; database: string }
  /** The migrations of all tables of the registry. */
  migrations: Record<string, Migration>
}): Promise<VerifiedBackup> {
  const { directory, database } = q.settings
  const verified = await verifyBackup(q)
  await restoreRegister({
    ...{ url: database, file: q.file, secret: q.secret, verified, migrations: q.migrations },
    putFiles: () => putFiles(directory, verified.files),
  })
  return verified
}

async function putFiles(directory: string, files: Map<string, Buffer>): Promise<void> {
  await mkdir(path.join(directory, KEY_FOLDER), { recursive: true, mode: 0o700 })
  await putMarks(directory, files)
  for (const [name, bytes] of files) {
    if (name.startsWith(`${KEY_FOLDER}/`)) await putNewFile(path.join(directory, name), bytes)
    if (name === 'settings.yaml') await putNewFile(path.join(directory, 'settings-of-the-backup.yaml'), bytes)
  }
}

async function putMarks(directory: string, files: Map<string, Buffer>): Promise<void> {
  for (const name of [INDEX, LIST]) {
    const mark = Number(files.get(name)?.toString() ?? '0')
    if (!Number.isSafeInteger(mark) || mark < 0)
      throw new Fault('backup_invalid', { what: `${name} holds no number` })
    await createHighWater(path.join(directory, name)).raise(mark)
  }
  const leaves = files.get(LEAVES)
  if (leaves === undefined) return
  const file = path.join(directory, LEAVES)
  const present = (await fileExists(file)) ? await readFile(file) : Buffer.alloc(0)
  const common = Math.min(present.length, leaves.length)
  if (!present.subarray(0, common).equals(leaves.subarray(0, common)))
    throw new Fault('log_inconsistent', { what: `${file} and the backup hold different transparency logs` })
  if (present.length >= leaves.length) return
  // The file is only appended to: after a crash it has fewer leaves of the same log.
  const handle = await open(file, 'a', 0o600)
  await handle.writeFile(leaves.subarray(present.length))
  await handle.sync()
  await handle.close()
}
