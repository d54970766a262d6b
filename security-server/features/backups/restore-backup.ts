/**
 * Restores a security server from a backup, offline. Guarantees that nothing is overwritten: the database
 * must be empty, and existing keys, anchor and marks stay; a key that a kept folder lacks comes back only if
 * the operator names it (`keys-back.ts`). The rows come last: a restore that ends before can be run again.
 * Guarantees that only the people whom the operator names can log in afterwards. Does not touch the message
 * log.
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
import { endExports } from './exports-store.ts'
import { judgeSigner, type SignerVerdict, type Trust } from './judge-signer.ts'
import { decideKeys, type KeysBack, withEarlier } from './keys-back.ts'
import { DATABASE_ENTRY, FOLDERS } from './make-backup.ts'
import { WITHOUT } from './store.ts'

/** Largest sum of the files in a backup: more than the keys of any server need. */
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
  /**
   * The configurations by which the signer is judged. Without them only the backup itself is examined, which
   * proves less.
   */
  trust?: Trust | undefined
  /** SHA-256 of the only certificate that the operator accepts as the owner's. */
  acceptedSigner?: string | undefined
  now: Date
}

/**
 * Reads and verifies the whole backup. Throws `backup_invalid`, also for a backup of another server or of a
 * registry.
 */
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

/**
 * Before anything is written, throws `backup_invalid`, the faults of `decideAccess` and `decideKeys`, and
 * `conflict` for a database that is not empty.
 */
export async function restoreServerBackup(
  q: Question & {
    server: string
    directory: string
    database: string
    migrations: Record<string, Migration>
    /** The people who may log in again, by their ids. */
    letIn: readonly string[]
    /** Keys that come back into a folder which lacks them, by their ids. */
    bringBack: readonly string[]
    hasLogin: boolean
    initialApiKeyFile: string | undefined
  },
): Promise<VerifiedServerBackup & { decided: Decided; keys: KeysBack }> {
  const { directory, initialApiKeyFile } = q
  const verified = await verifyServerBackup(q)
  const { manifest, sha256, comesBack, signer } = verified
  const decided = decideAccess(comesBack, { ...q, hasInitialKey: initialApiKeyFile !== undefined })
  const { put, ...now } = await decideKeys(directory, verified.files, q.bringBack)
  let keys: KeysBack = now
  await restoreDatabase({
    ...{ url: q.database, migrations: q.migrations, file: q.file, secret: q.secret, verified },
    ...{ entry: DATABASE_ENTRY, without: WITHOUT, note: JSON.stringify(now) },
    async finish(transaction, earlier) {
      keys = await withEarlier(directory, verified.files, { now, earlier })
      const record = { ...decided, ...keys, backupSha256: sha256, madeAt: manifest.madeAt }
      await applyAccess(transaction, { ...record, signer: signer.sha256 }, q.now.getTime())
      await endExports(transaction, q.now.getTime())
      await putFiles(directory, put)
      // The old initial API key in this file is revoked. The next start writes a new one if the file is
      // empty.
      if (initialApiKeyFile !== undefined) await emptyFile(initialApiKeyFile)
    },
  })
  return { ...verified, decided, keys }
}

async function putFiles(directory: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [name, bytes] of files) {
    if (name === 'settings.yaml') await putNewFile(path.join(directory, 'settings-of-the-backup.yaml'), bytes)
    if (FOLDERS.includes(name.split('/')[0]!)) await putNewFile(path.join(directory, name), bytes)
  }
}

async function emptyFile(file: string): Promise<void> {
  try {
    await writeFile(file, '', { mode: 0o600, flush: true })
  } catch (cause) {
    throw new Fault('io_error', {
      what: `${file} has to be made empty, so that the next start writes a key`,
      cause,
    })
  }
}
