/**
 * Commitments as core/merkle/leaf-form.ts defines them, for the hot path: HMAC-SHA-256 (RFC 2104) with plain
 * hashes in reused memory. Hash and Hmac objects, and a buffer for each value, would cost three times as
 * much.
 */
import { hash } from 'node:crypto'

const BLOCK = 64
const INNER = 0x36
const OUTER = 0x5c
const KEY = 32
const LABELS = ['parties', 'message', 'body'] as const

export type CommitmentLabel = (typeof LABELS)[number]

// One block for each label, so that only the salt has to be written.
const inners = Object.fromEntries(
  LABELS.map((label) => [label, Buffer.concat([Buffer.alloc(BLOCK, INNER), Buffer.from(label)])]),
) as Record<CommitmentLabel, Buffer>
const outer = Buffer.alloc(BLOCK + KEY, OUTER)
const opened = Buffer.alloc(KEY + 64)

/**
 * The commitment (base64) to a content under a salt of 32 bytes. `sha512` is the content's digest as Latin-1
 * text.
 */
export function commitment(salt: Buffer, label: CommitmentLabel, sha512: string): string {
  const inner = inners[label]
  for (let i = 0; i < KEY; i++) {
    const octet = salt[i]!
    inner[i] = octet ^ INNER
    outer[i] = octet ^ OUTER
  }
  outer.write(hash('sha256', inner, 'latin1'), BLOCK, 'latin1')
  opened.write(hash('sha256', outer, 'latin1'), 0, 'latin1')
  opened.write(sha512, KEY, 'latin1')
  return hash('sha256', opened, 'base64')
}
