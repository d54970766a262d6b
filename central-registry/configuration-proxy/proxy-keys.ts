/**
 * The signing keys of one proxied instance. `keys.json` names them and which of them signs; the private
 * halves are with those of a registry's (configuration/signing-keys/private-keys.ts). It is read anew each
 * time, because the command line changes it while the process runs.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { SigningKey } from '#core/signature/signing-key.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { writeDurably } from '../configuration/durable-file.ts'
import type { KeyAlgorithm, PrivateKeys } from '../configuration/signing-keys/private-keys.ts'
import { selfSignedCertificate } from '../configuration/signing-keys/self-signed.ts'

type ProxyKey = { id: string; certificate: Buffer; createdAt: string; isActive: boolean }

export type ProxyKeys = {
  list(): Promise<ProxyKey[]>
  /** Makes a key; the first one signs at once. */
  add(algorithm: KeyAlgorithm): Promise<ProxyKey>
  /** Lets this key sign from now on. Throws `key_not_found`. */
  use(id: string): Promise<void>
  /** Destroys a key that does not sign. Throws `key_not_found`, or `conflict` for the one that signs. */
  remove(id: string): Promise<void>
  /** The key that signs, undefined while there is none. */
  signer(): Promise<{ certificate: Buffer; key: SigningKey } | undefined>
}

type Stored = { format: 1; active: string; keys: { id: string; certificate: string; createdAt: string }[] }

/** `folder` is the instance's. */
export function createProxyKeys(q: {
  folder: string
  name: string
  privateKeys: Pick<PrivateKeys, 'create' | 'open' | 'remove'>
  clock: Clock
}): ProxyKeys {
  const file = path.join(q.folder, 'keys.json')

  async function read(): Promise<Stored | undefined> {
    const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw new Fault('io_error', { what: file, cause })
    })
    return text === undefined ? undefined : parse(text, file)
  }

  const write = (stored: Stored): Promise<void> =>
    writeDurably(file, `${JSON.stringify(stored, undefined, 2)}\n`)

  async function mustHave(id: string): Promise<Stored> {
    const stored = await read()
    if (stored?.keys.some((key) => key.id === id) === true) return stored
    throw new Fault('key_not_found', { what: `${q.name} has no key ${id}` })
  }

  const list = async (): Promise<ProxyKey[]> => {
    const stored = await read()
    return (stored?.keys ?? []).map(({ id, certificate, createdAt }) => ({
      ...{ id, createdAt, certificate: Buffer.from(certificate, 'base64') },
      isActive: id === stored?.active,
    }))
  }

  return {
    list,
    async add(algorithm) {
      const id = randomUUID()
      const key = await q.privateKeys.create(id, algorithm)
      const at = new Date(q.clock())
      const certificate = await selfSignedCertificate({ key, commonName: `${q.name} proxy`, at })
      const made = { id, certificate: certificate.toString('base64'), createdAt: at.toISOString() }
      const stored = await read()
      await mkdir(q.folder, { recursive: true, mode: 0o700 })
      await write({ format: 1, active: stored?.active ?? id, keys: [...(stored?.keys ?? []), made] })
      return { id, certificate, createdAt: made.createdAt, isActive: stored === undefined }
    },
    async use(id) {
      await write({ ...(await mustHave(id)), active: id })
    },
    async remove(id) {
      const stored = await mustHave(id)
      if (stored.active === id)
        throw new Fault('conflict', { what: `the key ${id} signs: let another one sign first` })
      await write({ ...stored, keys: stored.keys.filter((key) => key.id !== id) })
      await q.privateKeys.remove(id)
    },
    async signer() {
      const active = (await list()).find(({ isActive }) => isActive)
      return active && { certificate: active.certificate, key: await q.privateKeys.open(active.id) }
    },
  }
}

function parse(text: string, file: string): Stored {
  try {
    const { format, active, keys } = JSON.parse(text) as Stored
    const isKey = ({ id, certificate, createdAt }: Stored['keys'][number]): boolean =>
      [id, certificate, createdAt].every((one) => typeof one === 'string')
    if (format !== 1 || !keys.every(isKey) || !keys.some(({ id }) => id === active)) throw new Error('form')
    return { format, active, keys }
  } catch (cause) {
    throw new Fault('io_error', { what: `${file} is damaged`, cause })
  }
}
