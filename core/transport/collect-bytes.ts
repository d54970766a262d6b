/**
 * Collects what comes in pieces, up to a bound. Whoever sends decides how small they are, and a piece that is
 * kept as it came costs hundreds of octets of memory beside its own: small ones are copied into blocks, each
 * as large as all that came before it. So no more than about twice the octets are held.
 */

const SMALLEST_BLOCK = 4 * 1024
const LARGEST_BLOCK = 1024 * 1024
/** Pieces from here on are kept as they came, if they are most of their memory. */
const LARGE = 8 * 1024
/** What may be wasted of the block before a piece that is kept: this share of the piece. */
const WASTED = 1 / 8

/** `write` throws what `tooLarge` makes when more than `most` octets come. `bytes` gives a copy of all. */
export function collectBytes(
  most: number,
  tooLarge: () => Error,
): { write(chunk: Buffer): void; bytes(): Buffer } {
  // What comes in one piece is copied once.
  let only: Buffer | undefined
  const blocks: Buffer[] = []
  /** Of the last block; a piece that was kept is full. */
  let filled = 0
  let size = 0
  const add = (chunk: Buffer): void => {
    const last = blocks.at(-1)
    const left = last === undefined ? 0 : last.length - filled
    const isLarge = chunk.length >= LARGE && chunk.buffer.byteLength <= 2 * chunk.length
    if (isLarge && left <= chunk.length * WASTED) {
      if (last !== undefined && left > 0) blocks[blocks.length - 1] = last.subarray(0, filled)
      blocks.push(chunk)
      filled = chunk.length
      return
    }
    const taken = last === undefined ? 0 : chunk.copy(last, filled)
    filled += taken
    if (taken === chunk.length) return
    const rest = chunk.length - taken
    const block = Buffer.allocUnsafe(Math.max(rest, SMALLEST_BLOCK, Math.min(size, LARGEST_BLOCK)))
    blocks.push(block)
    filled = chunk.copy(block, 0, taken)
  }
  return {
    write(chunk) {
      size += chunk.length
      if (size > most) throw tooLarge()
      if (size === chunk.length) {
        only = chunk
        return
      }
      if (only !== undefined) add(only)
      only = undefined
      add(chunk)
    },
    // A slice would keep the whole chunk of the socket alive for as long as it is kept.
    bytes: () => (only === undefined ? Buffer.concat(blocks, size) : Buffer.from(only)),
  }
}
