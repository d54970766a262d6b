/**
 * Bytes that arrive in chunks. A sender decides how small its chunks are, and each chunk that is kept as it
 * came costs far more memory than its octets: those are copied into blocks of 64 KiB. A chunk that is most of
 * its own memory is kept as it is, when hardly anything of the last block is wasted by that: else small and
 * large chunks in turn would cost a block for each.
 */
import { createHash } from 'node:crypto'
import { countBufferGarbage } from '#platform/buffer-garbage.ts'
import { giveMemoryBack, takeMemory } from '#platform/buffer-pool.ts'

const BLOCK = 64 * 1024
/** Smaller ones are kept only when nothing else came. */
const LARGE = 8 * 1024
/** What may be wasted of the block before a chunk that is kept: this share of the chunk. */
const WASTED = 1 / 8

type Blocks = {
  /** Copies the chunk or keeps it: nobody else may change or read it any more. */
  add(chunk: Buffer): void
  /** How many octets are allocated: at most twice as many as were added and an eighth, and a block. */
  allocated(): number
  /** SHA-512 of all that was added. */
  sha512(): Buffer
  /**
   * All that was added, in one piece; nothing is asked or added afterwards. What came in several is copied to
   * what `make` makes, and the memory of large ones ends at once: else V8 collects the whole heap for it.
   */
  whole(make?: (octets: number) => Buffer): Buffer
  /**
   * A copy in what `make` makes, while the last chunk is still being handed over: whoever reads the socket
   * may look at it again.
   */
  soFar(make: (octets: number) => Buffer): Buffer
  /** Ends the memory of what was copied and not handed out; nothing is asked or added afterwards. */
  letGo(): void
}

export function createBlocks(): Blocks {
  const blocks: Buffer[] = []
  /** Of the last block; a chunk that was kept is full. */
  let filled = 0
  let size = 0
  let allocated = 0
  /** Blocks of the usual size, which nobody else has and which are given back. */
  const own: Buffer[] = []
  const letGo = (): void => own.splice(0).forEach(giveMemoryBack)
  const copyTo = (make: (octets: number) => Buffer): Buffer => {
    const copy = make(size)
    let at = 0
    for (const block of blocks) at += block.copy(copy, at, 0, size - at)
    return copy
  }
  const keep = (block: Buffer, octets: number, memory: number): void => {
    const last = blocks.at(-1)
    if (last !== undefined && filled < last.length) blocks[blocks.length - 1] = last.subarray(0, filled)
    blocks.push(block)
    filled = octets
    allocated += memory
  }
  const newBlock = (octets: number): Buffer => {
    if (octets !== BLOCK) return Buffer.allocUnsafe(octets)
    const block = takeMemory(BLOCK)
    own.push(block)
    return block
  }
  return {
    add: (chunk) => {
      size += chunk.length
      const memory = chunk.buffer.byteLength
      const last = blocks.at(-1)
      const left = last === undefined ? 0 : last.length - filled
      const isKept = (chunk.length >= LARGE || size === chunk.length) && left <= chunk.length * WASTED
      if (isKept && memory <= 2 * chunk.length) return keep(chunk, chunk.length, memory)
      countBufferGarbage(chunk.length)
      const taken = left === 0 ? 0 : chunk.copy(last!, filled)
      filled += taken
      if (taken === chunk.length) return
      // What is small in all gets small blocks.
      const block = newBlock(Math.max(chunk.length - taken, Math.min(BLOCK, size)))
      keep(block, chunk.copy(block, 0, taken), block.length)
    },
    allocated: () => allocated,
    sha512: () => {
      const digest = createHash('sha512')
      for (const [i, block] of blocks.entries())
        digest.update(i === blocks.length - 1 ? block.subarray(0, filled) : block)
      return digest.digest()
    },
    soFar: copyTo,
    whole: (make = Buffer.allocUnsafe) => {
      if (blocks.length === 1) {
        own.length = 0
        return blocks[0]!.subarray(0, size)
      }
      const whole = copyTo(make)
      letGo()
      // Of what is a part of other memory somebody else may have the rest.
      for (const { length, buffer } of blocks)
        if (length >= LARGE && length === buffer.byteLength && buffer instanceof ArrayBuffer)
          buffer.transfer(0)
      blocks.length = 0
      return whole
    },
    letGo,
  }
}
