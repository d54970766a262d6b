/**
 * Hashing of the log's tree: SHA-256 with the prefixes of RFC 9162 section 2.1.1, so that a node cannot pass
 * for a leaf.
 */
import { hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

/** The length of every hash in octets. */
export const HASH_LENGTH = 32

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer')

const LEAF = Buffer.of(0)
// Reused for every node: allocating a buffer each time would cost as much as the hash.
const NODE = Buffer.alloc(1 + 2 * HASH_LENGTH, 1)

/** SHA-256(0x00 || form). */
export function leafHash(form: Buffer): Buffer {
  return hash('sha256', Buffer.concat([LEAF, form]), 'buffer')
}

/**
 * SHA-256(0x01 || left || right). Throws `invalid_proof` for hashes of another length, since two inputs could
 * then give the same hash.
 */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  if (left.length !== HASH_LENGTH || right.length !== HASH_LENGTH) {
    throw new Fault('invalid_proof', { what: `a hash is not ${HASH_LENGTH} octets long` })
  }
  left.copy(NODE, 1)
  right.copy(NODE, 1 + HASH_LENGTH)
  return Buffer.from(hash('sha256', NODE, 'latin1'), 'latin1')
}
