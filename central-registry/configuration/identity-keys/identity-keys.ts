/**
 * The registry's keys for what others can check without it: its checkpoints (Ed25519), its credentials (P-256), and the histories of DIDs
 * (Ed25519, one key for each entry). They lie beside the configuration's signing keys, encrypted under the PIN (0600), and are in backups. A
 * key is made only for a database that never had one, so that a lost key is noticed.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'
import { writeDurably } from '../durable-file.ts'

export type IdentityKeys = {
  log: KeyObject
  credentials: KeyObject
  /** The key of entry `number` (from 1) of the history at `path`. */
  updateKey(path: string, number: number): KeyObject
}

type KeyName = 'log' | 'credentials' | 'identities'
/** Remembers a public key by name; returns the first one that it was ever given. */
export type ClaimKeys = {
  claimed(name: string): Promise<string | undefined>
  claim(name: string, publicKey: string): Promise<string>
}

/** PKCS #8 of an Ed25519 key before its 32 octets (RFC 8410 section 7). */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Throws `invalid_configuration` when a key is missing or another one than before, `pin_incorrect` when the PIN does not open it. */
export async function openIdentityKeys(q: {
  directory: string
  pin: string
  keys: ClaimKeys
}): Promise<IdentityKeys> {
  const log = await openKey(q, 'log')
  const credentials = await openKey(q, 'credentials')
  const identities = await openKey(q, 'identities')
  const secret = Buffer.from(identities.export({ format: 'jwk' }).d ?? '', 'base64url')
  return {
    log,
    credentials,
    updateKey(at, number) {
      const seed = Buffer.from(hkdfSync('sha256', secret, '', `did:webvh ${number} ${at}`, 32))
      return createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, seed]), format: 'der', type: 'pkcs8' })
    },
  }
}

async function openKey(
  { directory, pin, keys }: Parameters<typeof openIdentityKeys>[0],
  name: KeyName,
): Promise<KeyObject> {
  const file = path.join(directory, `identity-${name}.pem`)
  const known = await keys.claimed(name)
  let pem = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new Fault('invalid_configuration', { what: `${file} cannot be read`, cause })
  })
  if (pem === undefined) {
    if (known !== undefined)
      throw invalid(`${file} is missing: bring it from another node or a backup, its public half is ${known}`)
    const { privateKey } =
      name === 'credentials'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519')
    pem = privateKey
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: pin })
      .toString()
    await writeDurably(file, pem)
  }
  const key = unlock(pem, pin, file)
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64')
  const owner = await keys.claim(name, publicKey)
  if (owner !== publicKey)
    throw invalid(`${file} is another key than the one that this database knows: ${owner}`)
  return key
}

function unlock(pem: string, pin: string, file: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', passphrase: pin })
  } catch (cause) {
    throw new Fault('pin_incorrect', { what: `it does not open ${file}`, cause })
  }
}

function invalid(what: string): Fault {
  return new Fault('invalid_configuration', { what })
}
