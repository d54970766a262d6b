/**
 * Makes a key pair on a token. Checks that the private key was made there, cannot be exported, and makes
 * signatures that the public key verifies; a pair that fails a check is destroyed.
 */
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { optionsOf, plainMethod } from '#core/signature/signing-key.ts'
import { Fault } from '#schemas/fault.ts'
import { operationFor } from './mechanism.ts'
import type { Attribute } from './message.ts'
import type { TokenSession } from './open-session.ts'
import { generationOf, type KeyAlgorithm, PUBLIC_ATTRIBUTES, publicKeyFrom } from './public-key.ts'

/** The key pair on its token (CKA_ID in hex), and its public key (SubjectPublicKeyInfo). */
export type KeyPlace = { objectId: string; publicKey: Buffer }

/**
 * Makes the pair with this label. Throws the token's errors, and `token_unavailable` for a pair that fails a
 * check.
 */
export async function generateOnToken(
  at: TokenSession,
  { algorithm, label }: { algorithm: KeyAlgorithm; label: string },
): Promise<KeyPlace> {
  const { functions } = at
  const id = randomBytes(20)
  const { mechanism, publicKey } = generationOf(algorithm)
  const named: Attribute[] = [
    ['token', true],
    ['label', Buffer.from(label)],
    ['id', id],
  ]
  return at.withWritable(async (session) => {
    const pair = await functions.generate(session, {
      mechanism,
      publicKey: [...named, ['verify', true], ...publicKey],
      privateKey: [
        ...named,
        ...(['private', 'sensitive', 'sign'] as const).map((name) => [name, true] as const),
        ['extractable', false],
      ],
    })
    try {
      const secret = ['sensitive', 'extractable', 'neverExtractable'] as const
      const kept = await functions.attributes(session, pair.privateKey, secret)
      if (kept.sensitive !== true || kept.extractable !== false || kept.neverExtractable !== true)
        throw new Fault('token_unavailable', { what: 'it would give the private key away' })
      const made = publicKeyFrom(await functions.attributes(session, pair.publicKey, PUBLIC_ATTRIBUTES))
      const spki = made.export({ format: 'der', type: 'spki' })
      await prove(at, id.toString('hex'), spki)
      return { objectId: id.toString('hex'), publicKey: spki }
    } catch (thrown) {
      await functions.destroy(session, pair.privateKey).catch(() => undefined)
      await functions.destroy(session, pair.publicKey).catch(() => undefined)
      throw thrown
    }
  })
}

/**
 * Throws `token_unavailable` unless the public key (SubjectPublicKeyInfo) verifies a signature of the private
 * key with this id.
 */
export async function prove(at: TokenSession, objectId: string, spki: Buffer): Promise<void> {
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  const method = plainMethod(publicKey, 'sha256')
  const data = randomBytes(32)
  const { mechanism, input } = operationFor(method, data, 32)
  const value = await at.sign(objectId, mechanism, input)
  if (!verify(method.digest, data, { key: publicKey, ...optionsOf(method) }, value))
    throw new Fault('token_unavailable', { what: 'the two halves of the key do not fit together' })
}
