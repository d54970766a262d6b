/**
 * Restores a security server from a backup, offline. Guarantees that nothing is overwritten: the database is a new one, and
 * keys, anchor and marks that lie in the directory stay. The message log is not touched.
 */
import path from 'node:path'
import { linesOf } from '#platform/backups/lines.ts'
import type { BackupFacts } from '#platform/backups/manifest.ts'
import { putNewFile } from '#platform/backups/put-file.ts'
import { type ReadBackup, readBackup } from '#platform/backups/read-backup.ts'
import { Fault } from '#schemas/fault.ts'
import { DATABASE_ENTRY, FOLDERS } from './make-backup.ts'

/** More than the keys of any server. */
const MAX_FILES = 64 * 1024 * 1024

type Files = Map<string, Buffer>

/** All of it read and proved. Throws `backup_invalid`, also for the backup of something else than this server. */
export async function verifyServerBackup(q: {
  file: string
  secret: string
  server?: string
}): Promise<ReadBackup & { files: Files }> {
  const files: Files = new Map()
  let held = 0
  const read = await readBackup(q, async (name, content) => {
    const parts: Buffer[] = []
    for await (const part of content) {
      if (name === DATABASE_ENTRY) continue
      held += part.length
      if (held > MAX_FILES) throw new Fault('backup_invalid', { what: 'its files are too long' })
      parts.push(part)
    }
    if (name !== DATABASE_ENTRY) files.set(name, Buffer.concat(parts))
  })
  const { kind, of } = read.manifest
  if (kind !== 'security-server' || (q.server !== undefined && of !== q.server))
    throw new Fault('backup_invalid', { what: `it is the backup of ${of}, a ${kind}` })
  return { ...read, files }
}

export async function restoreServerBackup(q: {
  file: string
  secret: string
  server: string
  directory: string
  restoreDatabase(q: {
    facts: BackupFacts
    read(load: (lines: AsyncIterable<string>) => Promise<void>): Promise<void>
  }): Promise<void>
}): Promise<ReadBackup> {
  const verified = await verifyServerBackup(q)
  await q.restoreDatabase({
    facts: verified.manifest.facts,
    read: async (load) => {
      await readBackup(q, async (name, content) => {
        if (name === DATABASE_ENTRY) return load(linesOf(content))
        for await (const _ of content);
      })
    },
  })
  for (const [name, bytes] of verified.files) {
    if (name === 'settings.yaml')
      await putNewFile(path.join(q.directory, 'settings-of-the-backup.yaml'), bytes)
    if (FOLDERS.includes(name.split('/')[0]!)) await putNewFile(path.join(q.directory, name), bytes)
  }
  return verified
}
