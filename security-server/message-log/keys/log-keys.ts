/**
 * The log's own keys, in a folder outside the database and its backups: the rotating keys from which record
 * keys are derived, and the Ed25519 key that signs checkpoints. Deleting a retired key erases the contents
 * that only this key opens.
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'
import { KEY_ID_LENGTH, type LogKey } from '../formats/seal.ts'

export type LogKeys = {
  /** The newest key of the folder. */
  current: LogKey
  /** Every key whose file still exists, by hex id. */
  byId: ReadonlyMap<string, LogKey>
  /** Signs checkpoints. */
  checkpointKey: KeyObject
}

const KEY_FILE = /^(\d{6})-([0-9a-f]{16})\.key$/
const CHECKPOINT_FILE = 'checkpoint-key.pem'

/**
 * Whether a log cannot be opened with what the folder has: a crash may have come between the first two files,
 * and those of another node come one after the other.
 */
export function lacksLogKeys(folder: string): boolean {
  return !hasCheckpointKey(folder) || keyFiles(folder).length === 0
}

export function hasCheckpointKey(folder: string): boolean {
  return existsSync(path.join(folder, CHECKPOINT_FILE))
}

/** Writes the first keys of a new log; the folder must exist. Throws `invalid_configuration`. */
export function createLogKeys(folder: string): void {
  addLogKey(folder)
  const { name, text } = newCheckpointKey()
  writeKeyFile(folder, name, text)
}

/** A new key that signs checkpoints, as a file of the folder. */
export function newCheckpointKey(): { name: string; text: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { name: CHECKPOINT_FILE, text: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

/** A new log key as a file of the folder, in which it will be the current one. */
export function newLogKey(folder: string): { id: string; name: string; text: string } {
  const key = randomBytes(32)
  const newest = keyFiles(folder).at(-1)?.number ?? 0
  const id = keyId(key).toString('hex')
  const name = `${String(newest + 1).padStart(6, '0')}-${id}.key`
  return { id, name, text: `${key.toString('hex')}\n` }
}

/** Writes a new log key, which is the current one for all later reads of the folder. */
export function addLogKey(folder: string): void {
  const { name, text } = newLogKey(folder)
  writeKeyFile(folder, name, text)
}

/** Reads all keys. Throws `invalid_configuration` when one is missing, damaged or readable by others. */
export function readLogKeys(folder: string): LogKeys {
  const byId = new Map<string, LogKey>()
  let current: LogKey | undefined
  for (const { name, id } of keyFiles(folder)) {
    const key = Buffer.from(readPrivate(folder, name).trim(), 'hex')
    if (key.length !== 32 || keyId(key).toString('hex') !== id) throw unusable(`${name} is damaged`)
    current = { id: Buffer.from(id, 'hex'), key }
    byId.set(id, current)
  }
  if (current === undefined) throw unusable('there is no log key')
  return { current, byId, checkpointKey: createPrivateKey(readPrivate(folder, CHECKPOINT_FILE)) }
}

function keyId(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, KEY_ID_LENGTH)
}

function keyFiles(folder: string): { name: string; number: number; id: string }[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (cause) {
    throw unusable(`the key folder ${folder} cannot be read`, cause)
  }
  const files = names.flatMap((name) => {
    const match = KEY_FILE.exec(name)
    return match === null ? [] : [{ name, number: Number(match[1]), id: match[2]! }]
  })
  return files.sort((a, b) => a.number - b.number)
}

function readPrivate(folder: string, name: string): string {
  const file = path.join(folder, name)
  try {
    if ((statSync(file).mode & 0o077) !== 0)
      throw unusable(`${name} must be readable by its owner only (0600)`)
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw unusable(`${name} cannot be read`, cause)
  }
}

function writeKeyFile(folder: string, name: string, text: string): void {
  const file = path.join(folder, name)
  try {
    withOpen(openSync(`${file}.part`, 'w', 0o600), (handle) => {
      writeSync(handle, text)
      fsyncSync(handle)
    })
    renameSync(`${file}.part`, file)
    withOpen(openSync(folder, 'r'), fsyncSync)
  } catch (cause) {
    throw unusable(`${name} cannot be written`, cause)
  }
}

/** A full disk must not leave a handle behind: the server goes on. */
function withOpen(handle: number, act: (handle: number) => void): void {
  try {
    act(handle)
  } finally {
    closeSync(handle)
  }
}

function unusable(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what: `message log keys: ${what}`, cause })
}
