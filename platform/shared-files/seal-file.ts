/**
 * A file as a row of the database: AES-256-GCM under the cluster key, bound to the server, the name of the
 * file and the number of the change. So no row can be read, made, or moved to another name or number without
 * the cluster key; that a file is deleted is sealed too. A whole row of before, with its number, still opens:
 * each node notices it by what it has seen (`seen.ts`).
 *
 *     version 1 | id of the key, 8 octets | nonce, 12 | ciphertext of (1 | content) or of (0) | tag, 16
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type ClusterKeys, sealingKey } from './cluster-key.ts'

const VERSION = 1
const ID = 8
const NONCE = 12
const TAG = 16
const HEAD = 1 + ID + NONCE

/** What a sealed value is bound to. */
type Bound = { scope: string; name: string; change: number }

/** `undefined` seals that the file is deleted. */
export function sealFile(keys: ClusterKeys, bound: Bound, content: Buffer | undefined): Buffer {
  const { id, key } = sealingKey(keys)
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(contextOf(bound))
  const plain = content === undefined ? Buffer.of(0) : Buffer.concat([Buffer.of(1), content])
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  plain.fill(0)
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(id, 'hex'), nonce, ciphertext, cipher.getAuthTag()])
}

/** The octets before the ciphertext; no two seals have the same. */
export const HEAD_OCTETS = HEAD

/** The id of the key under which it is sealed; the head is enough. */
export function keyOf(sealed: Buffer): string {
  return sealed.toString('hex', 1, 1 + ID)
}

type Opened = { content: Buffer | undefined } | { failure: 'key' | 'bytes' }

/** `key`: sealed under a key that is not here. `bytes`: altered, or of another server, name or change. */
export function openFile(keys: ClusterKeys, bound: Bound, sealed: Buffer): Opened {
  if (sealed.length < HEAD + 1 + TAG || sealed[0] !== VERSION) return { failure: 'bytes' }
  const id = keyOf(sealed)
  const key = keys.lines.find((one) => one.id === id)?.key
  if (key === undefined) return { failure: 'key' }
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1 + ID, HEAD), {
    authTagLength: TAG,
  })
  decipher.setAAD(contextOf(bound))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
  try {
    const plain = Buffer.concat([decipher.update(sealed.subarray(HEAD, -TAG)), decipher.final()])
    return { content: plain[0] === 1 ? plain.subarray(1) : undefined }
  } catch {
    return { failure: 'bytes' }
  }
}

function contextOf({ scope, name, change }: Bound): Buffer {
  return Buffer.from(`concordat shared file 1\n${scope}\n${name}\n${change}`)
}
