/**
 * Decides which keys of a backup a restore puts into the folder. A folder that has a token keeps its own
 * keys: one of the backup that it lacks was deleted after it, or lost, and comes back only if the operator
 * names it. A new folder gets all of them, for nothing is there to compare them with.
 */
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'

const KEY_FILE = /^keys\/(?:keys|(?:hardware|transit)-\d{1,4})\/([0-9a-f]{40})\.json$/
const TOKEN_FILE = 'keys/token.json'

type Files = ReadonlyMap<string, Buffer>

export type BackupKey = { id: string; usage: string; label: string; activeCertificates: number }

/** What the restore does with keys, as ids. */
export type KeysBack = {
  /** That the folder has from the backup. */
  keysBack: string[]
  keysLeftOut: string[]
  /** Whether the token came back, and with it the PIN of then. */
  isPinOfBackup: boolean
  /** When that PIN was set, if the token says it. */
  pinSetAt: Time | null
}

/** The keys in a backup. What is no key file of ours is told by its id alone. */
export function keysIn(files: Files): BackupKey[] {
  return [...files].flatMap(([name, bytes]) => {
    const id = KEY_FILE.exec(name)?.[1]
    if (id === undefined) return []
    const { usage, label, certificates } = fieldsOf(bytes)
    const active = Array.isArray(certificates) ? certificates.filter((one) => one?.active === true) : []
    return [{ id, usage: String(usage), label: String(label), activeCertificates: active.length }]
  })
}

/**
 * `put` are the files to write. The token is the last of them: if the restore ends before, the folder still
 * counts as new when it is run again. Throws `invalid_input` for a key in `bringBack` that is not in the
 * backup.
 */
export async function decideKeys(
  directory: string,
  files: Files,
  bringBack: readonly string[],
): Promise<KeysBack & { put: Files }> {
  const keys = keysIn(files).map(({ id }) => id)
  const stranger = bringBack.find((id) => !keys.includes(id))
  if (stranger !== undefined)
    throw new Fault('invalid_input', { what: `no key in this backup has the id ${stranger}` })
  const token = files.get(TOKEN_FILE)
  if (!(await isThere(path.join(directory, TOKEN_FILE)))) {
    const others = [...files].filter(([name]) => name !== TOKEN_FILE)
    const put = new Map(token === undefined ? others : [...others, [TOKEN_FILE, token] as const])
    return {
      ...{ put, keysBack: keys, keysLeftOut: [] },
      ...{ isPinOfBackup: token !== undefined, pinSetAt: pinSetAtOf(token) },
    }
  }
  const keysLeftOut: string[] = []
  const put = new Map<string, Buffer>()
  for (const [name, bytes] of files) {
    const id = KEY_FILE.exec(name)?.[1]
    const isMissing = id !== undefined && !(await isThere(path.join(directory, name)))
    if (isMissing && !bringBack.includes(id)) keysLeftOut.push(id)
    else put.set(name, bytes)
  }
  return { put, keysBack: [...bringBack], keysLeftOut, isPinOfBackup: false, pinSetAt: null }
}

/**
 * What this restore did together with earlier attempts, which were broken off: they may have put the token
 * and keys into a new folder, and this one finds them there. `earlier` are their `KeysBack` as JSON. Of those
 * only that is told which is in this folder as in the backup.
 */
export async function withEarlier(
  directory: string,
  files: Files,
  { now, earlier }: { now: KeysBack; earlier: readonly string[] },
): Promise<KeysBack> {
  const there = new Set<string>()
  for (const [name, bytes] of files) {
    const id = name === TOKEN_FILE ? name : KEY_FILE.exec(name)?.[1]
    if (id !== undefined && (await isAsThere(path.join(directory, name), bytes))) there.add(id)
  }
  const before = earlier.map((note): KeysBack => JSON.parse(note))
  const keysBefore = before.flatMap(({ keysBack }) => keysBack).filter((id) => there.has(id))
  const token = there.has(TOKEN_FILE) ? before.find(({ isPinOfBackup }) => isPinOfBackup) : undefined
  const { isPinOfBackup, pinSetAt } = token ?? now
  return { ...now, keysBack: [...new Set([...now.keysBack, ...keysBefore])], isPinOfBackup, pinSetAt }
}

async function isAsThere(file: string, bytes: Buffer): Promise<boolean> {
  return (await isThere(file)) && (await readFile(file)).equals(bytes)
}

function pinSetAtOf(token: Buffer | undefined): string | null {
  const at = token && fieldsOf(token)['pinSetAt']
  return typeof at === 'number' && Number.isFinite(new Date(at).getTime()) ? new Date(at).toISOString() : null
}

function fieldsOf(bytes: Buffer): Record<string, unknown> {
  try {
    return Object(JSON.parse(bytes.toString('utf8')))
  } catch {
    return {}
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new Fault('io_error', { what: file, cause })
  }
}
