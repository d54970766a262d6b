/**
 * Cuts what a broker sends into packets (MQTT 5.0, 2.1). Guarantees that no packet takes more memory than the
 * limit: a message that is larger loses its end, so that it can be set aside, and the connection goes on.
 */

type Frame = { bytes: Buffer; isCut: boolean }

const PUBLISH = 3
const LENGTH_DIGITS = 4

/**
 * Throws for what is no MQTT, and for a packet over `most` bytes that is no message. Give the pieces in
 * order.
 */
export function createFrames(most: number, onFrame: (frame: Frame) => void): (piece: Buffer) => void {
  let kept: Buffer = Buffer.alloc(0)
  /** Of the packet that is being read, when its length is known. */
  let current: { first: number; pieces: Buffer[]; size: number; left: number; isCut: boolean } | undefined

  /** Reads the type and the length; undefined while they are not there yet. */
  function begin(): number | undefined {
    let length = 0
    for (let digit = 0; digit < LENGTH_DIGITS; digit++) {
      const byte = kept[digit + 1]
      if (byte === undefined) return undefined
      length += (byte & 0x7f) * 128 ** digit
      if (byte < 0x80) {
        current = { first: kept[0]!, pieces: [], size: 0, left: length, isCut: length > most }
        if (current.isCut && kept[0]! >> 4 !== PUBLISH) throw new Error('a packet is larger than it can be')
        return digit + 2
      }
    }
    throw new Error('the length of a packet is malformed')
  }

  function end({ first, pieces, isCut }: NonNullable<typeof current>): void {
    const rest = Buffer.concat(pieces)
    const whole = isCut ? withoutEnd(first, rest) : rest
    onFrame({ bytes: Buffer.concat([Buffer.from([first]), lengthOf(whole.length), whole]), isCut })
  }

  return (piece) => {
    kept = kept.length === 0 ? piece : Buffer.concat([kept, piece])
    for (;;) {
      if (current === undefined) {
        const used = begin()
        if (used === undefined) return
        kept = kept.subarray(used)
      }
      const { left, size, pieces } = current!
      const some = kept.subarray(0, left)
      kept = kept.subarray(some.length)
      if (size < most) pieces.push(Buffer.from(some.subarray(0, most - size)))
      current!.size += some.length
      current!.left -= some.length
      if (current!.left > 0) return
      const whole = current!
      current = undefined
      end(whole)
    }
  }
}

/** A PUBLISH whose end is missing, as a whole one: without its properties if these are not all there. */
function withoutEnd(first: number, rest: Buffer): Buffer {
  const topic = 2 + rest.readUInt16BE(0)
  const properties = topic + (((first >> 1) & 3) > 0 ? 2 : 0)
  let length = 0
  for (let digit = 0; digit < LENGTH_DIGITS; digit++) {
    const byte = rest.readUInt8(properties + digit)
    length += (byte & 0x7f) * 128 ** digit
    if (byte < 0x80) {
      if (properties + digit + 1 + length <= rest.length) return rest
      break
    }
  }
  return Buffer.concat([rest.subarray(0, properties), Buffer.from([0])])
}

function lengthOf(length: number): Buffer {
  const digits: number[] = []
  let left = length
  do {
    const more = Math.floor(left / 128)
    digits.push((left % 128) + (more > 0 ? 128 : 0))
    left = more
  } while (left > 0)
  return Buffer.from(digits)
}
