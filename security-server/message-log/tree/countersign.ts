/** The member's signature under a checkpoint, so that the log key alone cannot make history. */
import type { KeyObject } from 'node:crypto'
import { addSignature, memberSignatureLine, noteName } from '#core/merkle/checkpoint.ts'
import { noteText } from '#core/merkle/signed-note.ts'

/** A member's signing key; `sign` gives raw r||s for ECDSA, PKCS #1 v1.5 or PSS for RSA, over SHA-512. */
export type CheckpointSigner = {
  /** The member's identifier. */
  name: string
  publicKey: KeyObject
  sign(data: Buffer): Promise<Buffer> | Buffer
  /** DER of the certificate with its chain, and their status as of now. */
  evidence?(): { certificates: Buffer[]; ocspResponses: Buffer[] }
}

/** `note` with the member's line. */
export async function countersign(note: string, signer: CheckpointSigner): Promise<string> {
  const signature = await signer.sign(Buffer.from(noteText(note)))
  return addSignature(note, memberSignatureLine(noteName(signer.name), signer.publicKey, signature))
}
