/**
 * The private halves of the configuration's signing keys; never in the database. A software key is an
 * encrypted PKCS #8 file (mode 0600) under the PIN. For a key on the signing token there is a file that
 * identifies it on the token. Nodes share these files (`KeptFiles`), or they are copied by hand.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { isLocal, type SigningKey } from '#core/signature/signing-key.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { KeptFiles } from '#platform/nodes/kept-files.ts'
import type { KeyPlace } from '#platform/pkcs11/generate.ts'
import type { HardwareToken } from '#platform/pkcs11/hardware-token.ts'
import type { FoundKey } from '#platform/pkcs11/token-keys.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { fileExists, ofOneNode } from '../durable-file.ts'

export type KeyAlgorithm = 'P-256' | 'RSA-2048' | 'RSA-3072'

export type KeyHome = 'software' | 'token'

export type PrivateKeys = {
  /**
   * Makes a key. For a key on the token, throws `token_not_found` when no token is configured,
   * `token_not_active` or `token_unavailable`.
   */
  create(id: string, algorithm: KeyAlgorithm, where?: KeyHome): Promise<SigningKey>
  /**
   * The keys on the token that are not yet among the signing keys `named`. Throws as `create` does for the
   * token.
   */
  found(named: ReadonlySet<string>): Promise<FoundKey[]>
  /**
   * Takes such a key into use as the key `id`. Throws `conflict` when it is already in use or is not
   * suitable, and as `create` does for the token.
   */
  adopt(id: string, objectId: string, named: ReadonlySet<string>): Promise<SigningKey>
  /**
   * Throws `cannot_sign` when the key's file is not on this node, `pin_incorrect` when the PIN does not
   * decrypt it. A key on the token is also returned while the token is unavailable; then only signing fails.
   */
  open(id: string): Promise<SigningKey>
  /**
   * Throws when the key cannot sign now: as `open`, and `token_not_active` or `token_unavailable`. This takes
   * long when the token hangs, so call it before a transaction. Within the transaction a signature on the
   * token has three seconds.
   */
  ready(id: string): Promise<void>
  /** Whether a key is a file or on the token; undefined when its file is not on this node. */
  whereIs(id: string): Promise<KeyHome | undefined>
  /**
   * Throws when `remove` would fail. For a key on the token: `token_not_found`, `token_not_active` or
   * `token_unavailable`.
   */
  checkRemovable(id: string): Promise<void>
  /**
   * Destroys the key, also on the token unless the key was adopted. Does nothing for a key that does not
   * exist. Throws as `checkRemovable`.
   */
  remove(id: string): Promise<void>
  /** Forgets what was read: another node has made or destroyed keys. */
  reload(): void
}

/**
 * Milliseconds for one signature on the token: a publication signs while it blocks all changes of the
 * register.
 */
const SIGN_MS = 3000
const FILE = /^([0-9a-f-]{36})\.(pem|token\.json)$/
const generate = promisify(generateKeyPair)

/**
 * Opens the folder and creates it when it does not exist. Throws `pin_incorrect` when the PIN does not
 * decrypt a key in it.
 */
export async function openPrivateKeys(
  directory: string,
  pin: string,
  { token, files = ofOneNode }: { token?: HardwareToken | undefined; files?: KeptFiles } = {},
): Promise<PrivateKeys> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const opened = new Map<string, SigningKey>()
  const inTurn = createTurn()
  const fileOf = (id: string): string => path.join(directory, `${id}.pem`)
  const placeFileOf = (id: string): string => path.join(directory, `${id}.token.json`)

  /**
   * Throws `token_not_found` when no token is configured. The key and the file that identifies it then stay.
   */
  function tokenOf(id: string): HardwareToken {
    if (token !== undefined) return token
    throw new Fault('token_not_found', {
      what: `the key ${id} lies on a token, and signingToken is not configured`,
    })
  }

  function mustHaveToken(): HardwareToken {
    if (token !== undefined) return token
    throw new Fault('token_not_found', { what: 'signingToken is not configured' })
  }

  /** The keys on the token that have a file on this node. */
  async function places(): Promise<{ id: string; objectId: string }[]> {
    const found: { id: string; objectId: string }[] = []
    for (const name of await readdir(directory)) {
      const [, id, kind] = FILE.exec(name) ?? []
      const place = id === undefined || kind !== 'token.json' ? undefined : await readPlace(placeFileOf(id))
      if (id !== undefined && place !== undefined) found.push({ id, objectId: place.objectId })
    }
    return found
  }

  /** Another node may have made it a moment ago. */
  async function look(id: string): Promise<void> {
    const names = await readdir(directory)
    if (!names.includes(`${id}.pem`) && !names.includes(`${id}.token.json`)) await files.catchUp()
  }

  async function open(id: string): Promise<SigningKey> {
    const known = opened.get(id)
    if (known !== undefined) return known
    await look(id)
    const place = await readPlace(placeFileOf(id))
    if (place !== undefined) {
      if (token === undefined)
        throw new Fault('cannot_sign', { what: `the key ${id} lies on a token, and signingToken names none` })
      const key = token.key(place, { limitMs: SIGN_MS })
      opened.set(id, key)
      return key
    }
    const pem = await readFile(fileOf(id), 'utf8').catch((cause: unknown) => {
      throw new Fault('cannot_sign', {
        what: say`the configuration signing key ${fileOf(id)} is not here`,
        cause,
      })
    })
    const key = unlock(pem, pin)
    opened.set(id, key)
    return key
  }

  for (const name of await readdir(directory)) {
    const id = FILE.exec(name)?.[1]
    // A key on a token that is no longer configured does not prevent the start; the fault comes when it has
    // to sign.
    if (id !== undefined && (token !== undefined || name.endsWith('.pem'))) await open(id)
  }
  return {
    async create(id, algorithm, where = 'software') {
      if (where === 'token') {
        const place = await mustHaveToken().generate(algorithm, `configuration signing ${id}`)
        await files.write(placeFileOf(id), placeText(place))
        return open(id)
      }
      const { privateKey } =
        algorithm === 'P-256'
          ? await generate('ec', { namedCurve: 'P-256' })
          : await generate('rsa', { modulusLength: algorithm === 'RSA-2048' ? 2048 : 3072 })
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: pin })
      await files.write(fileOf(id), pem as string)
      opened.set(id, privateKey)
      return privateKey
    },
    async found(named) {
      const ours = (await places()).filter((place) => named.has(place.id))
      const onToken = await mustHaveToken().keys()
      return onToken.filter(({ objectId }) => !ours.some((place) => place.objectId === objectId))
    },
    adopt: (id, objectId, named) =>
      inTurn(async () => {
        const there = mustHaveToken()
        const same = (await places()).filter((place) => place.objectId === objectId)
        if (same.some((place) => named.has(place.id)))
          throw new Fault('conflict', { what: say`the key is among the signing keys already` })
        // Such a file is left when a crash happened before the key was added to the signing keys.
        for (const { id: unnamed } of same) await files.remove(placeFileOf(unnamed))
        await files.write(placeFileOf(id), placeText(await there.adopt(objectId), true))
        return open(id)
      }),
    open,
    async ready(id) {
      if (!isLocal(await open(id))) await token?.ready()
    },
    async whereIs(id) {
      await look(id)
      if ((await readPlace(placeFileOf(id))) !== undefined) return 'token'
      const names = await readdir(directory)
      return names.includes(`${id}.pem`) ? 'software' : undefined
    },
    async checkRemovable(id) {
      const place = await readPlace(placeFileOf(id))
      if (place !== undefined && !place.adopted) await tokenOf(id).ready()
    },
    async remove(id) {
      const place = await readPlace(placeFileOf(id))
      if (place !== undefined && !place.adopted) await tokenOf(id).destroy(place.objectId)
      opened.delete(id)
      for (const file of [fileOf(id), placeFileOf(id)]) if (await fileExists(file)) await files.remove(file)
    },
    reload: () => opened.clear(),
  }
}

/** `adopted`: another program made the key, so we must not destroy it. */
function placeText({ objectId, publicKey }: KeyPlace, adopted = false): string {
  return JSON.stringify({ version: 1, objectId, publicKey: publicKey.toString('base64'), adopted })
}

/** Undefined when there is no such file. Throws `cannot_sign` for a damaged one. */
async function readPlace(file: string): Promise<(KeyPlace & { adopted: boolean }) | undefined> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new Fault('cannot_sign', { what: file, cause })
  })
  if (text === undefined) return undefined
  try {
    const { version, objectId, publicKey, adopted = false } = JSON.parse(text) as Record<string, unknown>
    if (version !== 1 || typeof publicKey !== 'string') throw new Error('form')
    if (typeof objectId !== 'string' || !/^([0-9a-f]{2}){1,64}$/.test(objectId)) throw new Error('form')
    if (typeof adopted !== 'boolean') throw new Error('form')
    const spki = Buffer.from(publicKey, 'base64')
    createPublicKey({ key: spki, format: 'der', type: 'spki' })
    return { objectId, publicKey: spki, adopted }
  } catch (cause) {
    throw new Fault('cannot_sign', { what: `${file} is damaged`, cause })
  }
}

function unlock(pem: string, pin: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', passphrase: pin })
  } catch (cause) {
    throw new Fault('pin_incorrect', { what: 'it does not open the configuration signing key', cause })
  }
}
