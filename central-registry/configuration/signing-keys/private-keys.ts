/**
 * The private halves of the configuration's signing keys: encrypted PKCS #8 files (0600) under the PIN, one a key, never in
 * the database. Nodes on several machines each need the files of the keys that sign.
 */
import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { Fault } from '#schemas/fault.ts'
import { syncFolder, writeDurably } from '../durable-file.ts'

export type KeyAlgorithm = 'P-256' | 'RSA-2048' | 'RSA-3072'

export type PrivateKeys = {
  create(id: string, algorithm: KeyAlgorithm): Promise<KeyObject>
  /** Throws `cannot_sign` when the file is not here, `pin_incorrect` when the PIN does not open it. */
  open(id: string): Promise<KeyObject>
  /** Destroys the key. */
  remove(id: string): Promise<void>
}

const FILE = /^([0-9a-f-]{36})\.pem$/
const generate = promisify(generateKeyPair)

/** Opens the folder, made when absent; throws `pin_incorrect` when the PIN does not open a key that lies there. */
export async function openPrivateKeys(directory: string, pin: string): Promise<PrivateKeys> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const opened = new Map<string, KeyObject>()
  const fileOf = (id: string): string => path.join(directory, `${id}.pem`)

  async function open(id: string): Promise<KeyObject> {
    const known = opened.get(id)
    if (known !== undefined) return known
    const pem = await readFile(fileOf(id), 'utf8').catch((cause: unknown) => {
      throw new Fault('cannot_sign', {
        what: `the configuration signing key ${fileOf(id)} is not here`,
        cause,
      })
    })
    const key = unlock(pem, pin)
    opened.set(id, key)
    return key
  }

  for (const name of await readdir(directory)) {
    const id = FILE.exec(name)?.[1]
    if (id !== undefined) await open(id)
  }
  return {
    async create(id, algorithm) {
      const { privateKey } =
        algorithm === 'P-256'
          ? await generate('ec', { namedCurve: 'P-256' })
          : await generate('rsa', { modulusLength: algorithm === 'RSA-2048' ? 2048 : 3072 })
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: pin })
      await writeDurably(fileOf(id), pem as string)
      opened.set(id, privateKey)
      return privateKey
    },
    open,
    async remove(id) {
      opened.delete(id)
      await rm(fileOf(id), { force: true })
      await syncFolder(directory)
    },
  }
}

function unlock(pem: string, pin: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', passphrase: pin })
  } catch (cause) {
    throw new Fault('pin_incorrect', { what: 'it does not open the configuration signing key', cause })
  }
}
