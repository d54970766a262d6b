/**
 * Writes a backup. Guarantees that it has the register of one moment with everything that cannot be made
 * again: all rows, the encrypted files of the signing keys, the marks and the leaves of the transparency log.
 * It contains no secret that decrypts a key.
 */

import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { WriteBackupFile } from '#platform/backups/daily-backups.ts'
import { lineWriter } from '#platform/backups/lines.ts'
import { ENTRY_NAME } from '#platform/backups/manifest.ts'
import { type AddEntry, writeBackup } from '#platform/backups/write-backup.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import type { BackupStore } from './store.ts'

export const DATABASE_ENTRY = 'database.ndjson'
export const KEY_FOLDER = 'signing-keys'
/** Files apart from the database, by which a node notices that the database was restored. */
export const MARKS = ['highest-published-index', 'highest-suspension-list', 'transparency-log-leaves']
const HOLDS_NOT = [
  'the PIN of the signing keys, and every other secret that the settings name by file',
  'keys on a hardware token: the token has its own backup',
  'the key of the witness: a witness that was restored could sign against what it signed before',
  'TLS keys and certificates of listeners, which the settings name by file',
  'sessions of people',
]

export function createWriteBackup(q: {
  store: BackupStore
  secret: string
  /** The node's own folder, with the signing keys and marks. */
  directory: string
  settingsFile?: string | undefined
  instance(): Promise<string | undefined>
  sign: SignDocument
}): WriteBackupFile {
  const { store, directory } = q

  async function addFiles(add: AddEntry): Promise<void> {
    const keys = await readdir(path.join(directory, KEY_FOLDER))
    for (const name of keys.filter((one) => ENTRY_NAME.test(one) && !one.endsWith('.tmp')).sort())
      await add(`${KEY_FOLDER}/${name}`, await readFile(path.join(directory, KEY_FOLDER, name)))
    for (const name of MARKS) {
      const bytes = await readFile(path.join(directory, name)).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') return undefined
        throw cause
      })
      if (bytes !== undefined) await add(name, bytes)
    }
    if (q.settingsFile !== undefined) await add('settings.yaml', await readFile(q.settingsFile))
  }

  return async (file, at) => {
    const of = await q.instance()
    if (of === undefined) throw new Fault('conflict', { what: say`the instance has no identifier yet` })
    const madeAt = new Date(at).toISOString()
    const fixed = {
      file,
      secret: q.secret,
      kind: 'central-registry',
      of,
      madeAt,
      holdsNot: HOLDS_NOT,
    } as const
    return writeBackup({ ...fixed, sign: q.sign }, async (add) => {
      // The files are read after the rows. Where they are newer, that only raises a mark.
      const facts: { of?: Awaited<ReturnType<BackupStore['dump']>> } = {}
      await add(DATABASE_ENTRY, async (write) => {
        const lines = lineWriter(write)
        facts.of = await store.dump(lines.line)
        await lines.end()
      })
      await addFiles(add)
      return facts.of ?? {}
    })
  }
}
