/**
 * The form of a log record that is hashed into the tree (docs/message-log-format.md). It contains no content,
 * only salted commitments, so it is kept when the content is erased.
 */
import { createHmac, hash } from 'node:crypto'
import type { Time } from '#schemas/sent-values.ts'

/** All kinds of records. A reader refuses others: what a record of an unknown kind means cannot be judged. */
export const LEAF_KINDS = [
  'request',
  'reply',
  'refusal',
  'outcome-unknown',
  'time-stamp',
  'erasure',
  'key-rotation',
  'daily-counts',
  'audit-head',
  'accepted',
  'consumed',
  'abandoned',
] as const
type LeafKind = (typeof LEAF_KINDS)[number]

/**
 * Every member is always present; '' if it does not apply. Base64 is that of RFC 4648 section 4, with
 * padding.
 */
export type LeafFields = {
  version: 1
  kind: LeafKind
  /** From the point of view of this server; '' for records about the log itself. */
  direction: 'in' | 'out' | ''
  /** ISO 8601 with milliseconds and Z. */
  time: Time
  /** '' while there is no outcome, 'ok', or a fault code. */
  outcome: string
  /** How much of the content the log kept. */
  logLevel: 'full' | 'digest' | 'none'
  /** "<id>/<version>" of the service contract that applied, or ''. */
  contract: string
  /** Commitments, base64. */
  parties: string
  message: string
  body: string
  /** Base64 of SHA-512 over the signature document. */
  signature: string
  /** Reserved for the root of commitments to single fields. */
  fields: ''
  /** Base64 of the leaf hash of the record that this one answers. */
  answers: string
}

/** The leaf form: RFC 8785 JSON of the fields. Built by hand, because every exchange makes four of them. */
export function leafForm(f: LeafFields): string {
  return (
    `{"answers":${text(f.answers)},"body":${text(f.body)},"contract":${text(f.contract)},` +
    `"direction":${text(f.direction)},"fields":"","kind":${text(f.kind)},"logLevel":${text(f.logLevel)},` +
    `"message":${text(f.message)},"outcome":${text(f.outcome)},"parties":${text(f.parties)},` +
    `"signature":${text(f.signature)},"time":${text(f.time)},"version":1}`
  )
}

/**
 * SHA-256(HMAC-SHA-256(salt, label) || digest). The salt (32 octets) is a secret of the record. To open a
 * commitment, the log shows the HMAC value and the digest; they reveal nothing about the record's other two
 * commitments.
 */
export function commit(label: 'parties' | 'message' | 'body', salt: Buffer, digest: Buffer): Buffer {
  return openCommitment(createHmac('sha256', salt).update(label).digest(), digest)
}

/** The commitment that results from an opening: its key (the HMAC value) and its digest. */
export function openCommitment(key: Buffer, digest: Buffer): Buffer {
  return hash('sha256', Buffer.concat([key, digest]), 'buffer')
}

function text(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('a lone surrogate cannot stand in a leaf')
  return JSON.stringify(value)
}
