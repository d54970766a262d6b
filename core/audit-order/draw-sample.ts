/**
 * Draws the sample of an order: the records in scope with the smallest hashes. A hash covers the order, the
 * seed, the server and the index of the record. Neither side can choose the sample: the authority signed the
 * order before the seed was cosigned, and the server could neither foresee the cosignature in the seed nor
 * have it made again. Everybody who knows order, seed and server draws the same sample.
 */
import { createHash } from 'node:crypto'

const LABEL = 'concordat audit sample v1\0'

/**
 * `order`: SHA-256 of the order, hex; `seed`: the text from make-seed.ts. Returns the drawn indexes in
 * ascending order.
 */
export function drawSample(q: {
  order: string
  server: string
  seed: string
  indexes: readonly number[]
  count: number
}): number[] {
  const seed = createHash('sha256').update(q.seed).digest()
  const base = createHash('sha256')
    .update(LABEL)
    .update(Buffer.from(q.order, 'hex'))
    .update(seed)
    .update(q.server)
    .digest()
  const ranked = [...new Set(q.indexes)].map((index) => ({ index, rank: rankOf(base, index) }))
  ranked.sort((a, b) => Buffer.compare(a.rank, b.rank))
  return ranked
    .slice(0, q.count)
    .map(({ index }) => index)
    .sort((a, b) => a - b)
}

function rankOf(base: Buffer, index: number): Buffer {
  const place = Buffer.alloc(8)
  place.writeBigUInt64BE(BigInt(index))
  return createHash('sha256').update(base).update(place).digest()
}
