/**
 * The member's own signature under a checkpoint with its X.509 signing key, so that the log key alone cannot
 * rewrite the log. C2SP has no type for it: it is type 0xff with our own name (docs/message-log-format.md).
 */
import { constants, type KeyObject, verify } from 'node:crypto'
import { type Note, noteKeyId, verifyLines } from './signed-note.ts'

const TYPE = Buffer.concat([Buffer.of(0xff), Buffer.from('concordat member signature')])

/** The key id over the DER of SubjectPublicKeyInfo. */
function memberKeyId(name: string, publicKey: KeyObject): Buffer {
  return noteKeyId(name, TYPE, publicKey.export({ type: 'spki', format: 'der' }))
}

/**
 * The parts of the line for addSignature. `signature` is over the note text: SHA-512, raw r || s for ECDSA,
 * PKCS #1 v1.5 for RSA.
 */
export function memberSignatureLine(name: string, publicKey: KeyObject, signature: Buffer) {
  return { name, keyId: memberKeyId(name, publicKey), signature }
}

/**
 * Whether the member's key signed; false if it has no line. Throws `malformed_checkpoint` when a line of it
 * is forged.
 */
export function verifyMemberSignature(note: Note, name: string, publicKey: KeyObject): boolean {
  const text = Buffer.from(note.text)
  const keys =
    publicKey.asymmetricKeyType === 'ec'
      ? [{ key: publicKey, dsaEncoding: 'ieee-p1363' as const }]
      : [
          { key: publicKey, padding: constants.RSA_PKCS1_PADDING },
          { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 },
        ]
  return verifyLines(note, name, memberKeyId(name, publicKey), (signature) =>
    keys.some((key) => verify('sha512', text, key, signature)),
  )
}
