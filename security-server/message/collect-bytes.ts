/** Collects what comes in pieces, up to a bound. */

const NOTHING = Buffer.alloc(0)

/** `write` throws what `tooLarge` makes when more than `most` octets come. */
export function collectBytes(
  most: number,
  tooLarge: () => Error,
): { write(chunk: Buffer): void; bytes(): Buffer } {
  let first: Buffer | undefined
  let more: Buffer[] | undefined
  let size = 0
  return {
    write(chunk) {
      size += chunk.length
      if (size > most) throw tooLarge()
      if (first === undefined) first = chunk
      else if (more === undefined) more = [first, chunk]
      else more.push(chunk)
    },
    // A copy: a slice would keep the whole chunk of the socket alive for as long as it is kept.
    bytes: () => (more === undefined ? Buffer.from(first ?? NOTHING) : Buffer.concat(more, size)),
  }
}
