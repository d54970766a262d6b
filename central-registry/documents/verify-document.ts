/** Verifies a document with one signature before any other code uses it; pure. */
import type { Read } from '#core/contract/fields.ts'
import { type JsonSignature, readSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import { type DocumentHead, ownerOf } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import type { SignedWith } from './taken-store.ts'
import { type Trust, verifySigner } from './verify-signer.ts'

/**
 * Reads a document with exactly one signature and returns its fields and the SHA-256 of the certificate that
 * signed it. Throws unless the member that it names as `signer` signed it within the accepted time.
 */
export function verified<T extends DocumentHead & { server: string }>(
  bytes: Buffer,
  type: string,
  read: Read<T>,
  { maxBytes, ...trust }: Trust & { maxBytes?: number },
): SignedWith<T> {
  const { document, signatures } = readSignedJson(bytes, type, maxBytes)
  const given = read(document, 'document')
  const [signature, ...more] = signatures as [JsonSignature, ...JsonSignature[]]
  if (more.length > 0) throw new Fault('malformed_signature', { what: say`one signature is needed` })
  verifySigner(given, signature, trust)
  return { ...given, signedWith: signature.certificate.sha256 }
}

/** Returns the document. Throws `access_denied` unless its signer owns the server that it names. */
export function ofOwner<T extends DocumentHead & { server: string }>(document: T): T {
  if (ownerOf(document) !== document.signer)
    throw new Fault('access_denied', { what: say`the owner of ${document.server} asks for it` })
  return document
}
