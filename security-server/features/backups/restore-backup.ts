/**
 * Restores a security server from a backup, offline. Guarantees that nothing is overwritten: the database is a new one, and
 * keys, anchor and marks that lie in the directory stay; and that nobody comes in with it but whom the operator names. The
 * message log is not touched.
 */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Migration } from 'kysely/migration'
import { linesOf } from '#platform/backups/lines.ts'
import type { Manifest } from '#platform/backups/manifest.ts'
import { putNewFile } from '#platform/backups/put-file.ts'
import { readBackup } from '#platform/backups/read-backup.ts'
import { restoreDatabase } from '#platform/backups/restore-store.ts'
import { type BackupRows, rowsOf } from '#platform/backups/rows.ts'
import { Fault } from '#schemas/fault.ts'
import { applyAccess } from './access-store.ts'
import { ACCESS_TABLES, type ComesBack, comesBackIn, type Decided, decideAccess } from './comes-back.ts'
import { judgeSigner, type SignerVerdict, type Trust } from './judge-signer.ts'
import { DATABASE_ENTRY, FOLDERS } from './make-backup.ts'

/** More than the keys of any server. */
const MAX_FILES = 64 * 1024 * 1024

type Files = Map<string, Buffer>

type VerifiedServerBackup = {
  manifest: Manifest
  sha256: string
  files: Files
  signer: SignerVerdict
  comesBack: ComesBack
}

type Question = {
  file: string
  secret: string
  server?: string
  /** By which its signer is judged; without it the backup is asked itself, which shows less. */
  trust?: Trust | undefined
  /** SHA-256 of the one certificate that the operator takes for the owner's, as another way to know it. */
  acceptedSigner?: string | undefined
  now: Date
}

/** All of it read and proved. Throws `backup_invalid`, also for the backup of something else than this server. */
export async function verifyServerBackup(q: Question): Promise<VerifiedServerBackup> {
  const files: Files = new Map()
  let held = 0
  let found: BackupRows = { rows: 0, of: new Map() }
  const { manifest, signature, sha256 } = await readBackup(q, async (name, content) => {
    if (name === DATABASE_ENTRY) {
      found = await rowsOf(linesOf(content), ACCESS_TABLES)
      return
    }
    const parts: Buffer[] = []
    for await (const part of content) {
      held += part.length
      if (held > MAX_FILES) throw new Fault('backup_invalid', { what: 'its files are too long' })
      parts.push(part)
    }
    files.set(name, Buffer.concat(parts))
  })
  const { kind, of, facts } = manifest
  if (kind !== 'security-server' || (q.server !== undefined && of !== q.server))
    throw new Fault('backup_invalid', { what: `it is the backup of ${of}, a ${kind}` })
  if (facts['rows'] !== found.rows)
    throw new Fault('backup_invalid', { what: `it has ${found.rows} rows instead of ${facts['rows']}` })
  const signer = judgeSigner({ ...q, signature, manifest, files })
  if (q.acceptedSigner !== undefined && q.acceptedSigner !== signer.sha256)
    throw new Fault('backup_invalid', { what: `it is signed by ${signer.sha256}, another certificate` })
  return { manifest, sha256, files, signer, comesBack: comesBackIn(found) }
}

/** Throws `backup_invalid`, and as `decideAccess`, before anything is written; `conflict` for a database that holds something. */
export async function restoreServerBackup(
  q: Question & {
    server: string
    directory: string
    database: string
    migrations: Record<string, Migration>
    /** The people who may log in again, by their ids. */
    letIn: readonly string[]
    hasLogin: boolean
    initialApiKeyFile: string | undefined
  },
): Promise<VerifiedServerBackup & { decided: Decided }> {
  const { directory, initialApiKeyFile } = q
  const verified = await verifyServerBackup(q)
  const { manifest, sha256, comesBack, signer } = verified
  const decided = decideAccess(comesBack, { ...q, hasInitialKey: initialApiKeyFile !== undefined })
  const record = { ...decided, backupSha256: sha256, madeAt: manifest.madeAt, signer: signer.sha256 }
  await restoreDatabase({
    ...{ url: q.database, migrations: q.migrations, facts: manifest.facts },
    read: async (load) => {
      await readBackup(q, async (name, content) => {
        if (name === DATABASE_ENTRY) return load(linesOf(content))
        for await (const _ of content);
      })
    },
    finish: (transaction) => applyAccess(transaction, record, q.now.getTime()),
  })
  for (const [name, bytes] of verified.files) {
    if (name === 'settings.yaml') await putNewFile(path.join(directory, 'settings-of-the-backup.yaml'), bytes)
    if (FOLDERS.includes(name.split('/')[0]!)) await putNewFile(path.join(directory, name), bytes)
  }
  // The key that lies there is void; the next start writes another one where it finds nothing.
  if (initialApiKeyFile !== undefined) await emptyFile(initialApiKeyFile)
  return { ...verified, decided }
}

async function emptyFile(file: string): Promise<void> {
  try {
    await writeFile(file, '', { mode: 0o600, flush: true })
  } catch (cause) {
    throw new Fault('io_error', {
      what: `${file}: make it empty, so that the next start writes a key`,
      cause,
    })
  }
}
