/**
 * Commitments as core/merkle/leaf-form.ts defines them, made for the hot path: HMAC-SHA-256 of RFC 2104 by plain hashes
 * in memory that is used again. Hash and Hmac objects, and a buffer for each value, would cost three times as much.
 */
import { hash } from 'node:crypto'

const BLOCK = 64
const INNER = 0x36
const OUTER = 0x5c
const KEY = 32

export type CommitmentLabel = 'parties' | 'message' | 'body'

const inner = Buffer.alloc(BLOCK + 7)
const outer = Buffer.alloc(BLOCK + KEY)
const opened = Buffer.alloc(KEY + 64)

/** Base64 of the commitments under one salt (32 octets) to contents, given by their SHA-512 as latin1 text. */
export function committer(salt: Buffer): (label: CommitmentLabel, sha512: string) => string {
  return (label, sha512) => {
    inner.fill(INNER, KEY, BLOCK)
    outer.fill(OUTER, KEY, BLOCK)
    for (let i = 0; i < KEY; i++) {
      inner[i] = salt[i]! ^ INNER
      outer[i] = salt[i]! ^ OUTER
    }
    const length = BLOCK + inner.write(label, BLOCK, 'latin1')
    outer.write(hash('sha256', inner.subarray(0, length), 'latin1'), BLOCK, 'latin1')
    opened.write(hash('sha256', outer, 'latin1'), 0, 'latin1')
    opened.write(sha512, KEY, 'latin1')
    return hash('sha256', opened, 'base64')
  }
}
