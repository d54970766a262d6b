/**
 * Answers in a stream of bytes. Guarantees that no more of one is kept than is allowed for it, and that a
 * length that cannot be ends it.
 */

const LENGTH_BYTES = 4
/** That of the correlation id. */
const LEAST_BYTES = 4

/**
 * `mostOf` says how large the next answer may be. The returned function takes the bytes as they come, and
 * throws for what is no answer.
 */
export function createFrames(mostOf: () => number, onFrame: (bytes: Buffer) => void) {
  let pieces: Buffer[] = []
  let have = 0
  let wanted: number | undefined
  const join = (): Buffer => {
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    pieces = [whole]
    return whole
  }
  const cut = (size: number): Buffer => {
    const whole = join()
    pieces = [whole.subarray(size)]
    have -= size
    return whole.subarray(0, size)
  }
  return (piece: Buffer): void => {
    pieces.push(piece)
    have += piece.length
    for (;;) {
      if (wanted === undefined) {
        if (have < LENGTH_BYTES) return
        wanted = cut(LENGTH_BYTES).readInt32BE()
        if (wanted < LEAST_BYTES) throw new Error('an answer has no length that can be')
        const most = mostOf()
        if (wanted > most) throw new Error(`an answer is larger (${wanted} bytes) than is taken (${most})`)
      }
      if (have < wanted) return
      const frame = cut(wanted)
      wanted = undefined
      onFrame(frame)
    }
  }
}
