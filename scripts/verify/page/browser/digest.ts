/** Digests by their names in node:crypto. */
import { sha1 } from '@noble/hashes/legacy.js'
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js'

const DIGESTS = { sha1, sha224, sha256, sha384, sha512 } as const

export type DigestName = keyof typeof DIGESTS

/**
 * The digest function with this name, in any case of letters. Throws for a name that nobody asks node:crypto
 * for here.
 */
export function digestBy(name: string): (typeof DIGESTS)[DigestName] {
  return DIGESTS[digestName(name)]
}

export function digestName(name: string): DigestName {
  const lower = name.toLowerCase()
  if (!Object.hasOwn(DIGESTS, lower)) throw new Error(`Digest method not supported: ${name}`)
  return lower as DigestName
}

export function digestOf(name: DigestName, data: Uint8Array): Uint8Array {
  return DIGESTS[name](data)
}

export function digestLength(name: DigestName): number {
  return DIGESTS[name].outputLen
}
