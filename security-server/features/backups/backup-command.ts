/**
 * The options `--make-backup` and `--restore-backup` of the process. Each does its work, prints the result,
 * and ends the process.
 */
import path from 'node:path'
import type { Migration } from 'kysely/migration'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'
import { keptConfiguration } from '../../global-configuration/kept-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { BackupWords } from './backup-words.ts'
import { keysInWords, personInWords, signerInWords } from './in-words.ts'
import { keysIn } from './keys-back.ts'
import { lockDirectory } from './lock-directory.ts'
import { makeServerBackup } from './make-backup.ts'
import { restoreServerBackup } from './restore-backup.ts'
import { dumpServer } from './store.ts'

/** The part of the settings that the two options need. */
type Settings = {
  server: string
  directory: string
  database: string
  admin: { initialApiKeyFile?: string | undefined }
  login?: unknown
}

/**
 * Runs before anything is opened: restores and ends the process. Returns if `--restore-backup` is absent.
 * Throws `conflict` while a process of the server works with the directory.
 */
export async function restoreAndEnd(
  words: BackupWords,
  settings: Settings,
  migrations: Record<string, Migration>,
  lock: Parameters<typeof lockDirectory>[1],
): Promise<void> {
  const file = words['restore-backup']
  if (file === undefined) return
  const { server, directory, database, admin, login } = settings
  const secret = await secretOf(words)
  const unlock = lockDirectory(directory, lock)
  const accepted = words['accept-signer']?.toLowerCase()
  const { instance } = parseServerId(server)
  const index = await keptConfiguration(path.join(directory, 'configuration'), instance)
  const origin = 'configuration that this server kept'
  const restored = await restoreServerBackup({
    ...{ file, secret, server, directory, database, migrations, now: new Date() },
    trust:
      index === undefined || accepted !== undefined
        ? undefined
        : { indexes: new Map([[instance, index]]), origin },
    acceptedSigner: accepted,
    letIn: words['let-in'] ?? [],
    bringBack: words['bring-back'] ?? [],
    ...{ hasLogin: login !== undefined, initialApiKeyFile: admin.initialApiKeyFile },
  })
  for (const line of restoredInWords(restored, admin.initialApiKeyFile))
    process.stdout.write(`${printable(line)}\n`)
  unlock()
  process.exit(0)
}

/** The result for the operator, one item a line. */
function restoredInWords(
  {
    manifest,
    sha256,
    files,
    signer,
    comesBack,
    decided,
    keys,
  }: Awaited<ReturnType<typeof restoreServerBackup>>,
  initialApiKeyFile: string | undefined,
): string[] {
  const outcome = (id: string): string =>
    decided.letIn.includes(id)
      ? 'may log in'
      : decided.locked.includes(id)
        ? 'is locked'
        : 'is no longer invited'
  return [
    `restored what ${manifest.of} was at ${manifest.madeAt}, from the backup with SHA-256 ${sha256}`,
    ...signerInWords(signer),
    ...comesBack.people.map((person) => `${personInWords(person)}: ${outcome(person.id)}`),
    `${decided.endedApiKeys.length} API keys were revoked; no session has come back`,
    ...keysInWords(keysIn(files), keys),
    `access rights, clients and services are of ${manifest.madeAt}: what was taken away after it is back`,
    ...(initialApiKeyFile === undefined
      ? []
      : [`the next start writes a new first API key into ${initialApiKeyFile}`]),
  ]
}

/**
 * Runs while the server itself may run as another process: opens the keys, makes a backup and ends the
 * process. Returns if `--make-backup` is absent.
 */
export async function backUpAndEnd(
  words: BackupWords,
  q: { settings: Settings; keys: () => Promise<Pick<Keys, 'signJson' | 'refreshOcsp'>>; now: number },
): Promise<void> {
  const file = words['make-backup']
  if (file === undefined) return
  const { server, directory, database } = q.settings
  const secret = await secretOf(words)
  const member = memberOf(parseServerId(server))
  // A key signs only with a fresh OCSP status of its certificate. If the refresh fails, signing reports it.
  const keys = await q.keys()
  await keys.refreshOcsp().catch(() => undefined)
  const { bytes, sha256, manifest } = await makeServerBackup({
    ...{ file, secret, server: idText(parseServerId(server)), directory, now: q.now },
    settingsFile: words.configuration ?? '',
    dump: (write) => dumpServer(database, write),
    sign: (document, type) => keys.signJson({ document, type, member }),
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
