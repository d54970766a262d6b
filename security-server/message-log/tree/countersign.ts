/** The member's signature on a checkpoint, so that the log key alone cannot rewrite history. */
import type { KeyObject } from 'node:crypto'
import { addSignature, memberSignatureLine, noteName } from '#core/merkle/checkpoint.ts'
import { noteText } from '#core/merkle/signed-note.ts'

/** A member's signing key. `sign` returns raw r||s for ECDSA, PKCS #1 v1.5 or PSS for RSA, over SHA-512. */
export type CheckpointSigner = {
  /** The member's identifier. */
  name: string
  publicKey: KeyObject
  sign(data: Buffer): Promise<Buffer> | Buffer
  /** The certificate with its chain, and current OCSP responses, in DER. */
  evidence?(): { certificates: Buffer[]; ocspResponses: Buffer[] }
}

/** Adds the member's signature line to `note`. */
export async function countersign(note: string, signer: CheckpointSigner): Promise<string> {
  const signature = await signer.sign(Buffer.from(noteText(note)))
  return addSignature(note, memberSignatureLine(noteName(signer.name), signer.publicKey, signature))
}
