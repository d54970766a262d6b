/** `--make-backup` and `--restore-backup` of the process: each does that, says what it did, and ends. */
import { restoreDatabase } from '#platform/backups/restore-store.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import { makeServerBackup } from './backups/make-backup.ts'
import { restoreServerBackup } from './backups/restore-backup.ts'
import { dumpServer } from './backups/store.ts'
import type { Settings } from './config.ts'
import type { Keys } from './keys/keys.ts'
import { serverMigrations } from './migrations/migrations.ts'

export const BACKUP_OPTIONS = {
  'make-backup': { type: 'string' },
  'restore-backup': { type: 'string' },
  'backup-key-file': { type: 'string' },
} as const

export type BackupWords = Partial<Record<keyof typeof BACKUP_OPTIONS | 'configuration', string | undefined>>

/** Before anything is opened: restores and ends, or returns when that was not asked for. */
export async function restoreAndEnd(
  words: BackupWords,
  { server, directory, database }: Settings,
): Promise<void> {
  const file = words['restore-backup']
  if (file === undefined) return
  const secret = await secretOf(words)
  const { manifest, sha256 } = await restoreServerBackup({
    ...{ file, secret, server, directory },
    restoreDatabase: (q) => restoreDatabase({ ...q, url: database, migrations: serverMigrations }),
  })
  process.stdout.write(
    `restored what ${manifest.of} was at ${manifest.madeAt}, from the backup with SHA-256 ${sha256}\n`,
  )
  process.exit(0)
}

/** With the keys open, beside the server that runs: makes a backup and ends, or returns when that was not asked for. */
export async function backUpAndEnd(
  words: BackupWords,
  q: { settings: Settings; keys: Pick<Keys, 'signJson' | 'refreshOcsp'>; now: number },
): Promise<void> {
  const file = words['make-backup']
  if (file === undefined) return
  const { server, directory, database } = q.settings
  const secret = await secretOf(words)
  const member = memberOf(parseServerId(server))
  // A key signs only with a fresh status of its certificate; a failure is told by the signature.
  await q.keys.refreshOcsp().catch(() => undefined)
  const { bytes, sha256, manifest } = await makeServerBackup({
    ...{ file, secret, server: idText(parseServerId(server)), directory, now: q.now },
    settingsFile: words.configuration ?? '',
    dump: (write) => dumpServer(database, write),
    sign: (document, type) => q.keys.signJson({ document, type, member }),
  })
  process.stdout.write(`${file}: ${bytes} bytes, SHA-256 ${sha256}\n`)
  for (const what of manifest.holdsNot) process.stdout.write(`does not hold ${what}\n`)
  process.exit(0)
}

async function secretOf(words: BackupWords): Promise<string> {
  const file = words['backup-key-file']
  if (file !== undefined) return await readSecret(file)
  throw new Fault('invalid_configuration', {
    what: '--backup-key-file is missing: the secret file with the key of backups',
  })
}
