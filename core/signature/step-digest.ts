/** The digest of one step of a hash chain: over the DER of the list of digests and their methods. */
import { hash } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { DIGEST_URI, type DigestName } from '#schemas/wire.ts'
import { nodeDigest } from './algorithms.ts'

export type StepValue = { digest: DigestName; value: Buffer }

const suffixes = new Map<DigestName, Buffer>()

/** The DER after a digest: its method, then the empty list of transforms. */
function suffix(digest: DigestName): Buffer {
  let bytes = suffixes.get(digest)
  if (bytes === undefined) {
    bytes = Buffer.concat([der.utf8(DIGEST_URI[digest]), der.sequence()])
    suffixes.set(digest, bytes)
  }
  return bytes
}

function encoded(values: readonly StepValue[]): Buffer {
  return der.sequence(
    ...values.map(({ digest, value }) => der.sequence(der.octetString(value), suffix(digest))),
  )
}

const SHA512_BYTES = 64
const blank = { digest: 'SHA-512', value: Buffer.alloc(SHA512_BYTES, 0xff) } as const
/** The encoding of two SHA-512 digests (most steps have two), and the positions of both digests in it. */
const pair = encoded([blank, blank])
const firstAt = pair.indexOf(blank.value)
const secondAt = pair.lastIndexOf(blank.value)

/** H(SEQUENCE OF SEQUENCE { OCTET STRING value, UTF8String method URI, SEQUENCE {} }). */
export function stepDigest(values: readonly StepValue[], digest: DigestName): Buffer {
  const [first, second] = values
  if (values.length === 2 && isSha512(first!) && isSha512(second!)) {
    const bytes = Buffer.allocUnsafe(pair.length)
    pair.copy(bytes)
    first!.value.copy(bytes, firstAt)
    second!.value.copy(bytes, secondAt)
    return hash(nodeDigest(digest), bytes, 'buffer')
  }
  return hash(nodeDigest(digest), encoded(values), 'buffer')
}

const pairWork = Buffer.from(pair)

/**
 * The digest of a step with two SHA-512 digests, all in base64. It reuses one buffer, since allocating one
 * costs more than hashing.
 */
export function pairDigest(first: string, second: string): string {
  pairWork.write(first, firstAt, SHA512_BYTES, 'base64')
  pairWork.write(second, secondAt, SHA512_BYTES, 'base64')
  return hash('sha512', pairWork, 'base64')
}

function isSha512({ digest, value }: StepValue): boolean {
  return digest === 'SHA-512' && value.length === SHA512_BYTES
}
