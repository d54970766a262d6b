/**
 * Draws the sample of an order: the records in scope whose hashes under the seed are the smallest. They hang on the order, which was
 * signed before the seed was cosigned, and on the seed, whose cosignature its server could neither foresee nor have made again, so
 * that neither of the two sides has chosen. Whoever knows order, seed and server draws the same.
 */
import { createHash } from 'node:crypto'

const LABEL = 'concordat audit sample v1\0'

/** `order`: its SHA-256 in hex; `seed`: as make-seed.ts has it. */
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
