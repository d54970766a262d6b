/**
 * The document of what a person decided about an answer that they saw: log records commit to it by its
 * digest. It has no personal code and nothing of the answer.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { ShownText } from '#schemas/consents.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

export type PreviewDocument = {
  version: 1
  number: Uuid
  /** The security server that kept the answer. */
  server: string
  /** HMAC-SHA-256 of the person's code, base64url. */
  person: string
  client: string
  service: string
  contract: { id: string; version: number }
  /**
   * HMAC-SHA-256, hex, of the number and of status, type and octets of the answer that was seen, under the
   * key of people's names.
   */
  answer: string
  askedAt: Time
  /** The number of the consent under which the provider was asked. */
  consent?: string
  decision: 'released' | 'stopped'
  decidedAt: Time
  /** Absent for what was stopped. */
  shown?: ShownText
  byRepresentative?: true
  /** The record of the request by which they decided, in the server's message log. */
  decidedRecord: Whole
}

/** SHA-256, hex, of the RFC 8785 form. */
export function previewDigest(document: PreviewDocument): string {
  return createHash('sha256').update(canonicalJson(document)).digest('hex')
}
