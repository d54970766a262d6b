/**
 * The keys of the Credo wallet: Credo leaves keeping them to whoever runs it. Signing and key agreement are
 * node:crypto's.
 */
import {
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'

type Jwk = Record<string, string>
type Agreement = { keyId: string; externalPublicJwk: Jwk; apu?: Uint8Array; apv?: Uint8Array }

const OCTETS: Record<string, number> = { A128GCM: 16, A256GCM: 32 }

export function createKeys() {
  const held = new Map<string, KeyObject>()
  const keep = (key: KeyObject, id: string): { keyId: string; publicJwk: Jwk } => {
    held.set(id, key)
    return { keyId: id, publicJwk: publicOf(key, id) }
  }
  const publicOf = (key: KeyObject, kid: string): Jwk => {
    const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' }) as Jwk
    return { kty: kty!, crv: crv!, x: x!, y: y!, kid }
  }
  const find = (id: string): KeyObject => held.get(id)!
  return {
    backend: 'memory',
    isOperationSupported: (): boolean => true,
    getPublicKey: async (_: unknown, id: string) => (held.has(id) ? publicOf(find(id), id) : null),
    createKey: async () =>
      keep(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, randomBytes(8).toString('hex')),
    importKey: async (_: unknown, { privateJwk }: { privateJwk: Jwk }) =>
      keep(createPrivateKey({ key: privateJwk, format: 'jwk' }), privateJwk.kid!),
    deleteKey: async (_: unknown, { keyId }: { keyId: string }) => held.delete(keyId),
    sign: async (_: unknown, { keyId, data }: { keyId: string; data: Uint8Array }) => ({
      signature: new Uint8Array(sign('sha256', data, { key: find(keyId), dsaEncoding: 'ieee-p1363' })),
    }),
    async verify(
      _: unknown,
      q: { key: { publicJwk: Jwk }; data: Uint8Array; signature: Uint8Array },
    ): Promise<{ verified: boolean; publicJwk?: Jwk }> {
      const key = createPublicKey({ key: q.key.publicJwk, format: 'jwk' })
      const isGood = verify('sha256', q.data, { key, dsaEncoding: 'ieee-p1363' }, q.signature)
      return isGood ? { verified: true, publicJwk: q.key.publicJwk } : { verified: false }
    },
    async encrypt(
      _: unknown,
      q: {
        key: { keyAgreement: Agreement }
        data: Uint8Array
        encryption: { algorithm: string; aad: Uint8Array }
      },
    ) {
      const { keyAgreement: agreed } = q.key
      const publicKey = createPublicKey({ key: agreed.externalPublicJwk, format: 'jwk' })
      const secret = diffieHellman({ privateKey: find(agreed.keyId), publicKey })
      const { algorithm, aad } = q.encryption
      const octets = OCTETS[algorithm]!
      const iv = randomBytes(12)
      const key = derive(secret, algorithm, octets, agreed)
      const cipher = createCipheriv(octets === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, iv).setAAD(aad)
      const encrypted = Buffer.concat([cipher.update(q.data), cipher.final()])
      return { encrypted, iv, tag: cipher.getAuthTag() }
    },
    randomBytes: (_: unknown, { length }: { length: number }) => new Uint8Array(randomBytes(length)),
  }
}

/** RFC 7518, 4.6.2: one round of SHA-256 is as long as the longest key here. */
function derive(secret: Buffer, algorithm: string, octets: number, { apu, apv }: Agreement): Buffer {
  const number = (value: number): Buffer => {
    const four = Buffer.alloc(4)
    four.writeUInt32BE(value)
    return four
  }
  const field = (bytes: Uint8Array = Buffer.alloc(0)): Buffer =>
    Buffer.concat([number(bytes.length), Buffer.from(bytes)])
  const info = [field(Buffer.from(algorithm)), field(apu), field(apv), number(octets * 8)]
  const digest = createHash('sha256').update(Buffer.concat([number(1), secret, ...info]))
  return digest.digest().subarray(0, octets)
}
