/**
 * Seals what waits in the database: AES-256-GCM under keys in a folder of its own, which no backup holds.
 * Nodes of one server share the folder, or have copies of its files (`share` gives them theirs); the newest
 * key seals, and one of another node is read when it is first needed.
 */
import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

export type ContentKeys = {
  /** The key that seals. Throws `delivery_key_missing` when there is none. */
  readonly current: string
  /** Ids of the keys that this node can open with. */
  readonly known: string[]
  /**
   * `of` names the row: what was sealed for one row does not open as that of another. Throws
   * `delivery_key_missing`.
   */
  seal(of: string, plain: Buffer): Buffer
  /** Throws `delivery_key_missing` when the key is not here, `io_error` when any bit was changed. */
  open(of: string, sealed: Buffer): Buffer
  /** Reads what another node has added to the folder. */
  refresh(): void
  /** Makes a new key, which seals from now on, when other nodes can have it too; resolves to its id. */
  add(): Promise<string>
}

const VERSION = 1
const ID = 8
const NONCE = 12
const TAG = 16
const HEAD = 1 + ID + NONCE
const KEY_FILE = /^([0-9]{6})-([0-9a-f]{16})\.key$/

/** Throws `io_error` for a file that is damaged or that others can read. */
export function openContentKeys(
  folder: string,
  share?: (name: string, bytes: Buffer) => Promise<void>,
): ContentKeys {
  let keys = readKeys(folder)
  const refresh = (): void => {
    keys = readKeys(folder)
  }
  const currentId = (): string => {
    const id = [...keys.keys()].at(-1)
    if (id === undefined) throw new Fault('delivery_key_missing')
    return id
  }
  return {
    get current() {
      return currentId()
    },
    get known() {
      return [...keys.keys()]
    },
    refresh,
    async add() {
      const { name, bytes } = newKey(folder)
      await (share?.(name, bytes) ?? keepKey(folder, name, bytes))
      refresh()
      return currentId()
    },
    seal(of, plain) {
      const current = currentId()
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', keys.get(current)!, nonce)
      cipher.setAAD(Buffer.from(of))
      const ciphertext = cipher.update(plain)
      cipher.final()
      const id = Buffer.from(current, 'hex')
      return Buffer.concat([Buffer.of(VERSION), id, nonce, ciphertext, cipher.getAuthTag()])
    },
    open(of, sealed) {
      if (sealed.length < HEAD + TAG || sealed[0] !== VERSION)
        throw new Fault('io_error', { what: 'a delivery is not sealed' })
      const id = sealed.toString('hex', 1, 1 + ID)
      if (!keys.has(id)) refresh()
      const key = keys.get(id)
      if (key === undefined) throw new Fault('delivery_key_missing', { what: say`the key ${id}` })
      const tagAt = sealed.length - TAG
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1 + ID, HEAD), {
        authTagLength: TAG,
      })
      decipher.setAAD(Buffer.from(of))
      decipher.setAuthTag(sealed.subarray(tagAt))
      const plain = decipher.update(sealed.subarray(HEAD, tagAt))
      try {
        decipher.final()
      } catch (cause) {
        throw new Fault('io_error', { what: 'a delivery does not decrypt', cause })
      }
      return plain
    },
  }
}

/** What names a key: the start of its SHA-256, in hexadecimal digits. */
export function keyId(key: Buffer): string {
  return hash('sha256', key, 'hex').slice(0, 2 * ID)
}

function readKeys(folder: string): Map<string, Buffer> {
  return new Map(keyFiles(folder).map((name) => readKey(folder, name)))
}

function keyFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => KEY_FILE.test(name))
    .sort()
}

function newKey(folder: string): { name: string; bytes: Buffer } {
  const key = randomBytes(32)
  const newest = Number(KEY_FILE.exec(keyFiles(folder).at(-1) ?? '')?.[1] ?? 0)
  const name = `${String(newest + 1).padStart(6, '0')}-${keyId(key)}.key`
  return { name, bytes: Buffer.from(`${key.toString('hex')}\n`) }
}

function keepKey(folder: string, name: string, bytes: Buffer): void {
  const file = path.join(folder, name)
  writeFileSync(`${file}.new`, bytes, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function readKey(folder: string, name: string): [id: string, key: Buffer] {
  const file = path.join(folder, name)
  if ((statSync(file).mode & 0o077) !== 0)
    throw new Fault('io_error', { what: say`${name} must be readable by its owner only (0600)` })
  const key = Buffer.from(readFileSync(file, 'latin1').trim(), 'hex')
  const id = KEY_FILE.exec(name)![2]!
  if (key.length !== 32 || keyId(key) !== id) throw new Fault('io_error', { what: `${name} is damaged` })
  return [id, key]
}
