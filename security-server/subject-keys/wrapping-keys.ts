/**
 * The key that encrypts the keys of months, in a file of its own outside the database. It is replaced
 * whenever keys of months are destroyed. So nothing can open the copies of those keys in a backup of the
 * database.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

export type WrappingKey = { id: string; key: Buffer }

export type WrappingKeys = {
  all(): Promise<WrappingKey[]>
  /** Makes a new key; its file is durable when this resolves. */
  make(): Promise<WrappingKey>
  /** Overwrites and deletes the key's file. */
  destroy(id: string): Promise<void>
}

const NAME = /^wrapping-([0-9a-f]{16})\.key$/
const KEY = 32
const NONCE = 12
const TAG = 16

/** Opens the folder of the wrapping keys; makes it when absent. */
export async function openWrappingKeys(folder: string): Promise<WrappingKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const fileOf = (id: string): string => path.join(folder, `wrapping-${id}.key`)
  const syncFolder = async (): Promise<void> => {
    const handle = await open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  }
  return {
    all: async () => {
      const keys: WrappingKey[] = []
      for (const name of (await readdir(folder)).sort()) {
        const id = NAME.exec(name)?.[1]
        if (id === undefined) continue
        if (((await stat(fileOf(id))).mode & 0o077) !== 0)
          throw new Fault('invalid_configuration', { what: `${name} can be read by others: chmod 600` })
        const key = await readFile(fileOf(id))
        // A shorter file: its writer was killed before the key wrapped anything.
        if (key.length === KEY) keys.push({ id, key })
      }
      return keys
    },
    make: async () => {
      const made = { id: randomBytes(8).toString('hex'), key: randomBytes(KEY) }
      const file = await open(fileOf(made.id), 'wx', 0o600)
      try {
        await file.writeFile(made.key)
        await file.sync()
      } finally {
        await file.close()
      }
      await syncFolder()
      return made
    },
    destroy: async (id) => {
      const file = await open(fileOf(id), 'r+')
      try {
        await file.write(randomBytes(KEY), 0, KEY, 0)
        await file.sync()
      } finally {
        await file.close()
      }
      await rm(fileOf(id))
      await syncFolder()
    },
  }
}

/** Encrypts the key of a month, bound to the month. */
export function wrapKey({ key }: WrappingKey, month: string, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(month))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/**
 * Decrypts the key of a month. Throws `invalid_configuration` when the store was tampered with or belongs to
 * another holder.
 */
export function unwrapKey({ key }: WrappingKey, month: string, sealed: Buffer): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG })
    decipher.setAAD(Buffer.from(month)).setAuthTag(sealed.subarray(sealed.length - TAG))
    return Buffer.concat([decipher.update(sealed.subarray(NONCE, sealed.length - TAG)), decipher.final()])
  } catch (cause) {
    throw new Fault('invalid_configuration', { what: `the key of ${month} cannot be opened`, cause })
  }
}
