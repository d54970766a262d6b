/**
 * The keys that sign the global configuration, the only private keys of the registry: encrypted PKCS#8 files (0600) under
 * the PIN. One is active, others are announced so that servers know them before they sign (rotation without a break).
 */
import { createPrivateKey, generateKeyPair, type KeyObject, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { selfSignedCertificate } from './self-signed.ts'

export type SigningKey = {
  id: string
  certificate: Buffer
  active: boolean
  createdAt: string
  key: KeyObject
}
export type KeyAlgorithm = 'P-256' | 'RSA-2048' | 'RSA-3072'

export type SigningKeys = {
  /** Throws `cannot_sign` when there is none. */
  active(): SigningKey
  all(): SigningKey[]
  /** The first key becomes active, later ones wait to be activated. */
  add(q: { algorithm: KeyAlgorithm; instance: string; at: Date }): Promise<SigningKey>
  activate(id: string): Promise<void>
  /** Removes a key that is not active. */
  remove(id: string): Promise<void>
}

type Stored = { certificate: string; privateKey: string; active: boolean; createdAt: string }

const FILE = /^[0-9a-f-]{36}\.json$/
const generate = promisify(generateKeyPair)

/** Opens the folder; throws `pin_incorrect` when the PIN does not open a key. */
export async function openSigningKeys(directory: string, pin: string): Promise<SigningKeys> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const keys = new Map<string, SigningKey>()
  for (const file of await readdir(directory)) {
    if (!FILE.test(file)) continue
    const stored = JSON.parse(await readFile(path.join(directory, file), 'utf8')) as Stored
    const id = file.slice(0, -'.json'.length)
    keys.set(id, {
      id,
      ...stored,
      certificate: Buffer.from(stored.certificate, 'base64'),
      key: unlock(stored.privateKey, pin),
    })
  }

  async function write(signingKey: SigningKey): Promise<void> {
    const privateKey = signingKey.key.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: pin,
    }) as string
    const { active, createdAt } = signingKey
    const stored: Stored = {
      certificate: signingKey.certificate.toString('base64'),
      privateKey,
      active,
      createdAt,
    }
    await writeDurably(path.join(directory, `${signingKey.id}.json`), JSON.stringify(stored))
    keys.set(signingKey.id, signingKey)
  }

  function find(id: string): SigningKey {
    const found = keys.get(id)
    if (found === undefined) throw new Fault('key_not_found', { what: id.slice(0, 40) })
    return found
  }

  return {
    active() {
      const found = [...keys.values()].find((one) => one.active)
      if (found === undefined)
        throw new Fault('cannot_sign', { what: 'the registry has no active signing key' })
      return found
    },
    all: () => [...keys.values()].sort((a, b) => a.createdAt.localeCompare(b.createdAt)),
    async add({ algorithm, instance, at }) {
      const { privateKey } =
        algorithm === 'P-256'
          ? await generate('ec', { namedCurve: 'P-256' })
          : await generate('rsa', { modulusLength: algorithm === 'RSA-2048' ? 2048 : 3072 })
      const certificate = selfSignedCertificate({
        key: privateKey,
        commonName: `${instance} configuration signing`,
        at,
      })
      readCertificate(certificate)
      const added = {
        id: randomUUID(),
        certificate,
        active: keys.size === 0,
        createdAt: at.toISOString(),
        key: privateKey,
      }
      await write(added)
      return added
    },
    async activate(id) {
      const next = find(id)
      // The new key first: a crash in between leaves two active ones, of which either signs validly.
      await write({ ...next, active: true })
      for (const other of keys.values())
        if (other.active && other.id !== id) await write({ ...other, active: false })
    },
    async remove(id) {
      const key = find(id)
      if (key.active)
        throw new Fault('conflict', {
          what: 'the active key signs the configuration; activate another first',
        })
      await rename(path.join(directory, `${key.id}.json`), path.join(directory, `${key.id}.removed`))
      keys.delete(id)
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

/** Whole or not at all, also over a power cut: written aside, synced, renamed, the folder synced. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}.tmp`
  const handle = await open(aside, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(aside, file)
  const folder = await open(path.dirname(file), 'r')
  await folder.sync().finally(() => folder.close())
}
