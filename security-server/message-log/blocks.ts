/**
 * Bytes that arrive in chunks. A sender decides how small its chunks are, and each chunk that is kept as it came costs far more memory than
 * its octets: those are copied into blocks of 64 KiB. A chunk that is most of its own memory is kept as it is.
 */

const BLOCK = 64 * 1024
/** Smaller ones are kept only when nothing else came. */
const LARGE = 8 * 1024

type Blocks = {
  /** Copies the chunk or keeps it: nobody may change it any more. */
  add(chunk: Buffer): void
  /** How many octets are allocated: at most twice as many as were added, and a block. */
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
      if ((chunk.length >= LARGE || size === chunk.length) && memory <= 2 * chunk.length)
        return keep(chunk, chunk.length, memory)
      const last = blocks.at(-1)
      const taken = last === undefined || filled === last.length ? 0 : chunk.copy(last, filled)
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
