/**
 * Guarantees that a backup of a security server contains everything that cannot be created again, except the
 * message log: clients, services, access rights, keys in their encrypted form, anchor and marks. It contains
 * nothing that opens a key or a record.
 */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { lineWriter } from '#platform/backups/lines.ts'
import { type BackupFacts, ENTRY_NAME } from '#platform/backups/manifest.ts'
import { type AddEntry, type Written, writeBackup } from '#platform/backups/write-backup.ts'
import { Fault } from '#schemas/fault.ts'

export const DATABASE_ENTRY = 'database.ndjson'
/** Folders in the server's directory. From `configuration` only files that no registry can supply again. */
export const FOLDERS = ['keys', 'configuration']
const HOLDS_NOT = [
  'the message log: its database, its bodies and archives have backups of their own',
  'the log keys: a backup of them would bring back content that was erased',
  'the PIN, and every other secret that the settings name by file',
  'keys on a hardware token: the token has its own backup',
  'the key of the witness: a witness that was restored could sign against what it signed before',
  'keys of the index by person, and exports of the log',
  'one-way messages that wait, and the key that opens them',
  'sessions of people',
]

export async function makeServerBackup(q: {
  file: string
  secret: string
  server: string
  directory: string
  settingsFile: string
  dump(write: (line: string) => Promise<void>): Promise<BackupFacts>
  sign(document: object, type: string): Promise<string>
  now: number
}): Promise<Written> {
  const { file, secret, directory, sign } = q
  const madeAt = new Date(q.now).toISOString()
  const fixed = { file, secret, kind: 'security-server', of: q.server, madeAt, holdsNot: HOLDS_NOT } as const
  return await writeBackup({ ...fixed, sign }, async (add) => {
    let facts: BackupFacts = {}
    await add(DATABASE_ENTRY, async (write) => {
      const lines = lineWriter(write)
      facts = await q.dump(lines.line)
      await lines.end()
    })
    await addFolder(add, directory, 'keys', 2)
    await addFolder(add, directory, 'configuration', 1)
    await add('settings.yaml', await readFile(q.settingsFile))
    return facts
  })
}

/** How many wrong PINs there were: restored ones would keep people waiting who gave none. */
const WITHOUT: ReadonlySet<string> = new Set(['keys/pin-tries.json'])
/** Files that are being written before they replace another one, or that a crash left behind. */
const ASIDE = /\.(?:tmp|new|unfinished)$/

/** Adds the files of a folder, `depth` levels deep. */
async function addFolder(add: AddEntry, directory: string, name: string, depth: number): Promise<void> {
  const found = await readdir(path.join(directory, name), { withFileTypes: true })
  for (const one of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = `${name}/${one.name}`
    if (one.isDirectory() && depth > 1) await addFolder(add, directory, inner, depth - 1)
    if (!one.isFile() || ASIDE.test(one.name) || WITHOUT.has(inner)) continue
    if (!ENTRY_NAME.test(inner))
      throw new Fault('io_error', { what: `${inner} has a name that no backup takes` })
    const bytes = await readFile(path.join(directory, inner)).catch(unlessGone)
    if (bytes !== undefined) await add(inner, bytes)
  }
}

/** The server runs meanwhile: a file that was deleted since the folder was listed is left out. */
function unlessGone(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'ENOENT') throw cause
}
