/**
 * Bytes that arrive in chunks. A sender decides how small its chunks are, and each chunk that is kept as it came costs far more memory than
 * its octets: those are copied into blocks of 64 KiB. A chunk that is most of its own memory is kept as it is, when hardly anything of the
 * last block is wasted by that: else small and large chunks in turn would cost a block for each.
 */

const BLOCK = 64 * 1024
/** Smaller ones are kept only when nothing else came. */
const LARGE = 8 * 1024
/** What may be wasted of the block before a chunk that is kept: this share of the chunk. */
const WASTED = 1 / 8

type Blocks = {
  /** Copies the chunk or keeps it: nobody may change it any more. */
  add(chunk: Buffer): void
  /** How many octets are allocated: at most twice as many as were added and an eighth, and a block. */
  allocated(): number
  /** All that was added, in one piece. */
  whole(): Buffer
}

export function createBlocks(): Blocks {
  const blocks: Buffer[] = []
  /** Of the last block; a chunk that was kept is full. */
  let filled = 0
  let size = 0
  let allocated = 0
  const keep = (block: Buffer, octets: number, memory: number): void => {
    const last = blocks.at(-1)
    if (last !== undefined && filled < last.length) blocks[blocks.length - 1] = last.subarray(0, filled)
    blocks.push(block)
    filled = octets
    allocated += memory
  }
  return {
    add: (chunk) => {
      size += chunk.length
      const memory = chunk.buffer.byteLength
      const last = blocks.at(-1)
      const left = last === undefined ? 0 : last.length - filled
      const isKept = (chunk.length >= LARGE || size === chunk.length) && left <= chunk.length * WASTED
      if (isKept && memory <= 2 * chunk.length) return keep(chunk, chunk.length, memory)
      const taken = left === 0 ? 0 : chunk.copy(last!, filled)
      filled += taken
      if (taken === chunk.length) return
      // What is small in all gets small blocks.
      const block = Buffer.allocUnsafe(Math.max(chunk.length - taken, Math.min(BLOCK, size)))
      keep(block, chunk.copy(block, 0, taken), block.length)
    },
    allocated: () => allocated,
    whole: () => (blocks.length === 1 ? blocks[0]!.subarray(0, size) : Buffer.concat(blocks, size)),
  }
}
