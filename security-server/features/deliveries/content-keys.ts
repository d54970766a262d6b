/**
 * Seals what waits in the database: AES-256-GCM under a key in a folder of its own, which no backup holds. Nodes of one server have
 * the same folder or copies of its files.
 */
import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

export type ContentKeys = {
  /** The key that seals. */
  current: string
  /** Ids of the keys that this node can open with. */
  known: string[]
  /** `of` names the row: what was sealed for one row does not open as that of another. */
  seal(of: string, plain: Buffer): Buffer
  /** Throws `io_error` when the key is not here, or any bit was changed. */
  open(of: string, sealed: Buffer): Buffer
}

const VERSION = 1
const ID = 8
const NONCE = 12
const TAG = 16
const HEAD = 1 + ID + NONCE
const KEY_FILE = /^([0-9]{6})-([0-9a-f]{16})\.key$/

/** Reads the keys; makes the first one. Throws `io_error` for a damaged file. */
export function openContentKeys(folder: string): ContentKeys {
  let names = keyFiles(folder)
  if (names.length === 0) {
    addKey(folder)
    names = keyFiles(folder)
  }
  const keys = new Map(names.map((name) => readKey(folder, name)))
  const current = [...keys.keys()].at(-1)!
  return {
    current,
    known: [...keys.keys()],
    seal(of, plain) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', keys.get(current)!, nonce)
      cipher.setAAD(Buffer.from(of))
      const ciphertext = cipher.update(plain)
      cipher.final()
      const id = Buffer.from(current, 'hex')
      return Buffer.concat([Buffer.of(VERSION), id, nonce, ciphertext, cipher.getAuthTag()])
    },
    open(of, sealed) {
      const key = keys.get(sealed.toString('hex', 1, 1 + ID))
      if (sealed.length < HEAD + TAG || sealed[0] !== VERSION || key === undefined)
        throw new Fault('io_error', { what: 'the key of a delivery is not on this node' })
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

function keyFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => KEY_FILE.test(name))
    .sort()
}

function addKey(folder: string): void {
  const key = randomBytes(32)
  const name = path.join(folder, `000001-${idOf(key)}.key`)
  if (existsSync(name)) return
  writeFileSync(`${name}.new`, `${key.toString('hex')}\n`, { mode: 0o600, flush: true })
  renameSync(`${name}.new`, name)
}

function readKey(folder: string, name: string): [id: string, key: Buffer] {
  const key = Buffer.from(readFileSync(path.join(folder, name), 'latin1').trim(), 'hex')
  const id = KEY_FILE.exec(name)![2]!
  if (key.length !== 32 || idOf(key) !== id) throw new Fault('io_error', { what: `${name} is damaged` })
  return [id, key]
}

function idOf(key: Buffer): string {
  return hash('sha256', key, 'hex').slice(0, 2 * ID)
}
