/**
 * Keys in a transit engine: read from its answers, judged, and named; pure. What comes from there is looked
 * at before it is used.
 */
import { createPublicKey } from 'node:crypto'
import type { SigningMethod } from '#core/signature/signing-key.ts'
import type { KeyAlgorithm } from '#platform/pkcs11/public-key.ts'
import type { FoundKey } from '#platform/pkcs11/token-keys.ts'
import { Fault } from '#schemas/fault.ts'

export const TYPES: Record<KeyAlgorithm, string> = {
  'P-256': 'ecdsa-p256',
  'RSA-2048': 'rsa-2048',
  'RSA-3072': 'rsa-3072',
}
const MOST_NAME = 50

type Place = { name: string; version: number }

/** A version of a key as the id that records have: later versions, which a rotation makes, are other keys. */
function objectIdOf({ name, version }: Place): string {
  return Buffer.from(`${name}:${version}`).toString('hex')
}

/** Throws `key_not_found` for an id that is none of ours. */
export function placeOf(objectId: string): Place {
  const [, name, version] =
    /^([A-Za-z0-9][A-Za-z0-9_.-]*):([1-9][0-9]{0,8})$/.exec(
      Buffer.from(objectId, 'hex').toString('latin1'),
    ) ?? []
  if (name === undefined) throw new Fault('key_not_found', { what: objectId.slice(0, 128) })
  return { name, version: Number(version) }
}

/** The newest version of a key, and why it may not be used. `publicKey`: SubjectPublicKeyInfo. */
export function keyIn(name: string, data: unknown): FoundKey & { publicKey?: Buffer | undefined } {
  const given = (data ?? {}) as Record<string, unknown>
  const version = Number(given['latest_version'])
  const algorithm = (Object.keys(TYPES) as KeyAlgorithm[]).find((one) => TYPES[one] === given['type'])
  const versions = (given['keys'] ?? {}) as Record<string, { public_key?: unknown } | undefined>
  const publicKey = spkiOf(versions[String(version)]?.public_key)
  const isOpen = given['exportable'] !== false || given['allow_plaintext_backup'] !== false
  const unfit = isOpen
    ? 'it could be exported'
    : algorithm === undefined
      ? `it is no P-256, RSA-2048 or RSA-3072 key${kindOf(given['type'])}`
      : name.length > MOST_NAME
        ? `its name has more than ${MOST_NAME} characters`
        : publicKey === undefined
          ? 'its public key cannot be read'
          : undefined
  return {
    ...{ objectId: objectIdOf({ name, version }), label: name, algorithm, publicKey },
    madeThere: !isOpen && given['imported_key'] !== true,
    ...(unfit !== undefined && { unfit }),
  }
}

/** Shown only where it looks like a kind of key: what else stands there may be anything. */
function kindOf(type: unknown): string {
  return /^(?:x?chacha|aes|ed|ecdsa|rsa|hmac|ml|slh)[a-z0-9-]{0,16}$/.test(String(type))
    ? `, but ${String(type)}`
    : ''
}

function spkiOf(pem: unknown): Buffer | undefined {
  try {
    return createPublicKey(String(pem)).export({ format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

/** What is posted to sign a digest, as the engine names the methods. */
export function signingBody(
  { kind }: SigningMethod,
  { digest, version }: { digest: Buffer; version: number },
): object {
  return {
    ...{ input: digest.toString('base64'), prehashed: true, key_version: version },
    ...(kind === 'ecdsa'
      ? // JWS: r||s (RFC 7518 3.4), as our signatures need them.
        { marshaling_algorithm: 'jws' }
      : kind === 'rsa'
        ? { signature_algorithm: 'pkcs1v15' }
        : { signature_algorithm: 'pss', salt_length: 'hash' }),
  }
}

/**
 * The octets of `vault:v1:…`; base64 or, for ECDSA, base64url. Empty for anything else: no signature verifies
 * with it.
 */
export function signatureIn(text: unknown): Buffer {
  const [, value = ''] = /^[a-z]{1,20}:v[0-9]{1,9}:([A-Za-z0-9+/_=-]{1,4000})$/.exec(String(text)) ?? []
  return Buffer.from(value, 'base64')
}
