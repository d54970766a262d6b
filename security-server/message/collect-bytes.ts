/** Collects what comes in pieces, up to a bound. */

/** `write` throws what `tooLarge` makes when more than `most` octets come. */
export function collectBytes(
  most: number,
  tooLarge: () => Error,
): { write(chunk: Buffer): void; bytes(): Buffer } {
  const chunks: Buffer[] = []
  let size = 0
  return {
    write(chunk) {
      size += chunk.length
      if (size > most) throw tooLarge()
      chunks.push(chunk)
    },
    // A copy: a slice would keep the whole chunk of the socket alive for as long as it is kept.
    bytes: () => Buffer.concat(chunks),
  }
}
