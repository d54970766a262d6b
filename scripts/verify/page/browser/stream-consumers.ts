/** The part of node:stream/consumers that reading evidence uses. */

/** The whole source as one Buffer. */
export async function buffer(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(piece)
  return Buffer.concat(pieces)
}
