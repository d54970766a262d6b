/** Verifies a document of one signature before anybody sees it; pure. */
import type { Read } from '#core/contract/fields.ts'
import { type JsonSignature, readSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import { type DocumentHead, ownerOf } from '#schemas/management-request.ts'
import { type Trust, verifySigner } from './verify-signer.ts'

/** A document of one signature: exactly its fields, signed now by the member that it names. */
export function verified<T extends DocumentHead & { server: string }>(
  bytes: Buffer,
  type: string,
  read: Read<T>,
  { maxBytes, ...trust }: Trust & { maxBytes?: number },
): T {
  const { document, signatures } = readSignedJson(bytes, type, maxBytes)
  const given = read(document, 'document')
  const [signature, ...more] = signatures as [JsonSignature, ...JsonSignature[]]
  if (more.length > 0) throw new Fault('malformed_signature', { what: 'one signature is needed' })
  verifySigner(given, signature, trust)
  return given
}

/** The same document when the owner of its server signed it. */
export function ofOwner<T extends DocumentHead & { server: string }>(document: T): T {
  if (ownerOf(document) !== document.signer)
    throw new Fault('access_denied', { what: `the owner of ${document.server} asks for it` })
  return document
}
