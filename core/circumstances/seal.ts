/** Seals circumstances for storage: their canonical text, and its hash, by which records refer to them. */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Circumstances } from '#schemas/circumstances.ts'

/** `digest` is base64 of SHA-256 over the document. */
export type SealedCircumstances = { digest: string; document: string }

export function sealCircumstances(circumstances: Circumstances): SealedCircumstances {
  const document = canonicalJson(circumstances)
  return { digest: hash('sha256', document, 'base64'), document }
}
