/**
 * HPKE (RFC 9180) in base mode, single shot: only the holder of the recipient's private key can read what was
 * sealed to its public key.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  decapsulate,
  encapsulate,
  type KeyObject,
} from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

/** Section 7.3: AEADs by their ids. */
const AEADS = {
  1: { cipher: 'aes-128-gcm', keyLength: 16 },
  2: { cipher: 'aes-256-gcm', keyLength: 32 },
} as const
type AeadId = keyof typeof AEADS

type Sealed = { enc: Buffer; ciphertext: Buffer }
type Question = { info: Buffer; aad?: Buffer; aead?: AeadId }

/**
 * DHKEM(X25519, HKDF-SHA256), computed by node:crypto (section 4.1 and the checks of 7.1), and HKDF-SHA256
 * (7.2).
 */
const KEM_ID = 0x0020
const KDF_ID = 0x0001
const NONCE = 12
const TAG = 16
const NONE = Buffer.alloc(0)
const KEY_OCTETS = 32

/** Throws `invalid_input` for a malformed public key. */
export function seal(q: Question & { publicKey: Buffer; plaintext: Buffer }): Sealed {
  const { publicKey, plaintext, info, aad = NONE, aead = 2 } = q
  const { sharedKey, ciphertext: enc } = encapsulateTo(publicKey)
  const { key, nonce } = keySchedule(sharedKey, info, aead)
  const cipher = createCipheriv(AEADS[aead].cipher, key, nonce)
  cipher.setAAD(aad)
  return { enc, ciphertext: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]) }
}

/**
 * Throws `decryption_failed` if the ciphertext was not sealed to this key with this `info`, or was changed
 * since.
 */
export function open(q: Question & Sealed & { privateKey: KeyObject }): Buffer {
  const { enc, ciphertext, info, aad = NONE, aead = 2, privateKey } = q
  try {
    if (enc.length !== KEY_OCTETS || ciphertext.length < TAG) throw new Error('too short')
    const { key, nonce } = keySchedule(decapsulate(privateKey, enc), info, aead)
    const decipher = createDecipheriv(AEADS[aead].cipher, key, nonce, { authTagLength: TAG })
    decipher.setAAD(aad)
    decipher.setAuthTag(ciphertext.subarray(-TAG))
    return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG)), decipher.final()])
  } catch (cause) {
    throw new Fault('decryption_failed', { cause })
  }
}

function encapsulateTo(octets: Buffer): { sharedKey: Buffer; ciphertext: Buffer } {
  if (octets.length !== KEY_OCTETS)
    throw new Fault('invalid_input', { what: 'an X25519 public key has 32 octets' })
  const jwk = { kty: 'OKP', crv: 'X25519', x: octets.toString('base64url') }
  try {
    return encapsulate(createPublicKey({ key: jwk, format: 'jwk' }))
  } catch (cause) {
    throw new Fault('invalid_input', { what: 'a public key of low order', cause })
  }
}

/** Section 5.1, mode_base: no pre-shared key. */
function keySchedule(shared: Buffer, info: Buffer, aead: AeadId): { key: Buffer; nonce: Buffer } {
  const suite = Buffer.concat([Buffer.from('HPKE'), two(KEM_ID), two(KDF_ID), two(aead)])
  const pskIdHash = extract(suite, NONE, 'psk_id_hash', NONE)
  const context = Buffer.concat([Buffer.from([0]), pskIdHash, extract(suite, NONE, 'info_hash', info)])
  const secret = extract(suite, shared, 'secret', NONE)
  return {
    key: expand(suite, secret, 'key', context, AEADS[aead].keyLength),
    nonce: expand(suite, secret, 'base_nonce', context, NONCE),
  }
}

/** LabeledExtract of section 4. */
function extract(suite: Buffer, salt: Buffer, label: string, ikm: Buffer): Buffer {
  return hmac(salt, Buffer.concat([Buffer.from('HPKE-v1'), suite, Buffer.from(label), ikm]))
}

/**
 * LabeledExpand of section 4 over HKDF-Expand (RFC 5869); one block is long enough for every key and nonce.
 */
function expand(suite: Buffer, prk: Buffer, label: string, info: Buffer, length: number): Buffer {
  const labeled = [two(length), Buffer.from('HPKE-v1'), suite, Buffer.from(label), info]
  return hmac(prk, Buffer.concat([...labeled, Buffer.of(1)])).subarray(0, length)
}

function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

function two(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}
