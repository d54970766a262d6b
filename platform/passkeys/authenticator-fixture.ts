/**
 * An authenticator in software: it makes keys and signs as a real one does, and lies as a test tells it to.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Asserted, Attested } from './verify.ts'

type Cbor = number | string | Buffer | Cbor[] | Map<number | string, Cbor>

export function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value >= 0 ? head(0, value) : head(1, -1 - value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)])
  return Buffer.concat([head(5, value.size), ...[...value].flat().map((one) => cbor(one as Cbor))])
}

function head(type: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(type << 5) | count])
  if (count < 256) return Buffer.from([(type << 5) | 24, count])
  const long = Buffer.from([(type << 5) | 25, 0, 0])
  long.writeUInt16BE(count, 1)
  return long
}

type Algorithm = 'ES256' | 'EdDSA' | 'RS256'

/** What a hostile browser or authenticator says instead of the truth. */
export type Lies = {
  client?: Record<string, unknown>
  rpId?: string
  flags?: number
  counter?: number
  userHandle?: string
  id?: string
  /** Bytes in the place of the signature. */
  signature?: Buffer
  format?: string
  statement?: Map<string, Cbor>
  /** Instead of the COSE key. */
  key?: Map<number, Cbor>
  after?: Buffer
}

export type Authenticator = {
  id: string
  create(q: { challenge: string; origin: string; rpId: string }, lies?: Lies): Attested
  get(q: { challenge: string; origin: string; rpId: string; userHandle: string }, lies?: Lies): Asserted
}

const ALL = 0x01 | 0x04
const ATTESTED = 0x40

export function createAuthenticator(algorithm: Algorithm = 'ES256', idBytes = 32): Authenticator {
  const { privateKey, publicKey } = pairOf(algorithm)
  const raw = randomBytes(idBytes)
  let counter = 0
  const clientData = (type: string, q: { challenge: string; origin: string }, lies: Lies): Buffer =>
    Buffer.from(
      JSON.stringify({ type, challenge: q.challenge, origin: q.origin, crossOrigin: false, ...lies.client }),
    )
  const dataOf = (rpId: string, flags: number, count: number, more: Buffer): Buffer => {
    const fixed = Buffer.alloc(5)
    fixed.writeUInt8(flags, 0)
    fixed.writeUInt32BE(count, 1)
    return Buffer.concat([sha256(rpId), fixed, more])
  }
  const signed = (data: Buffer, client: Buffer): Buffer =>
    sign(algorithm === 'EdDSA' ? null : 'sha256', Buffer.concat([data, sha256(client)]), privateKey)
  return {
    id: raw.toString('base64url'),
    create(q, lies = {}) {
      const client = clientData('webauthn.create', q, lies)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(raw.length)
      const key = cbor(lies.key ?? coseOf(publicKey, algorithm))
      const attested = Buffer.concat([Buffer.alloc(16), length, raw, key, lies.after ?? Buffer.alloc(0)])
      const data = dataOf(
        lies.rpId ?? q.rpId,
        (lies.flags ?? ALL) | ATTESTED,
        lies.counter ?? counter,
        attested,
      )
      const self = new Map<string, Cbor>([
        ['alg', COSE[algorithm]],
        ['sig', lies.signature ?? signed(data, client)],
      ])
      const statement = lies.statement ?? (lies.format === 'packed' ? self : new Map<string, Cbor>())
      const object = new Map<string, Cbor>([
        ['fmt', lies.format ?? 'none'],
        ['attStmt', statement],
        ['authData', data],
      ])
      return {
        id: lies.id ?? raw.toString('base64url'),
        clientDataJSON: client.toString('base64url'),
        attestationObject: cbor(object).toString('base64url'),
      }
    },
    get(q, lies = {}) {
      const client = clientData('webauthn.get', q, lies)
      counter = lies.counter ?? counter + 1
      const data = dataOf(lies.rpId ?? q.rpId, lies.flags ?? ALL, counter, lies.after ?? Buffer.alloc(0))
      return {
        id: lies.id ?? raw.toString('base64url'),
        clientDataJSON: client.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: (lies.signature ?? signed(data, client)).toString('base64url'),
        userHandle: lies.userHandle ?? q.userHandle,
      }
    },
  }
}

const COSE: Record<Algorithm, number> = { ES256: -7, EdDSA: -8, RS256: -257 }

function pairOf(algorithm: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return algorithm === 'EdDSA'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('rsa', { modulusLength: 2048 })
}

function coseOf(publicKey: KeyObject, algorithm: Algorithm): Map<number, Cbor> {
  const jwk = publicKey.export({ format: 'jwk' })
  const bytes = (text: unknown): Buffer => Buffer.from(String(text), 'base64url')
  const alg: [number, Cbor] = [3, COSE[algorithm]]
  if (algorithm === 'RS256')
    return new Map<number, Cbor>([[1, 3], alg, [-1, bytes(jwk.n)], [-2, bytes(jwk.e)]])
  if (algorithm === 'EdDSA') return new Map<number, Cbor>([[1, 1], alg, [-1, 6], [-2, bytes(jwk.x)]])
  return new Map<number, Cbor>([[1, 2], alg, [-1, 1], [-2, bytes(jwk.x)], [-3, bytes(jwk.y)]])
}

function sha256(bytes: Buffer | string): Buffer {
  return createHash('sha256').update(bytes).digest()
}
