/**
 * Bytes that arrive in chunks, in blocks of 64 KiB. A sender decides how small its chunks are, and each chunk that is kept as it came costs
 * far more memory than its octets.
 */

const BLOCK = 64 * 1024

type Blocks = {
  /** Copies the chunk. */
  add(chunk: Buffer): void
  /** How many octets are allocated: at most a block more than were added. */
  allocated(): number
  /** All that was added, in one piece. */
  whole(): Buffer
}

export function createBlocks(): Blocks {
  const blocks: Buffer[] = []
  let filled = 0
  let size = 0
  let allocated = 0
  return {
    add: (chunk) => {
      const last = blocks.at(-1)
      const taken = last === undefined || filled === last.length ? 0 : chunk.copy(last, filled)
      filled += taken
      size += chunk.length
      if (taken === chunk.length) return
      // What is small in all gets small blocks.
      const block = Buffer.allocUnsafe(Math.max(chunk.length - taken, Math.min(BLOCK, size)))
      filled = chunk.copy(block, 0, taken)
      blocks.push(block)
      allocated += block.length
    },
    allocated: () => allocated,
    whole: () => Buffer.concat(blocks, size),
  }
}
