const CHUNK = Buffer.alloc(256 * 1024, 'concordat ')

/** As many bytes, in pieces that hold no more memory than one. */
export function* manyBytes(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= CHUNK.length)
    yield left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK
}
