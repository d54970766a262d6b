/**
 * The part of node:buffer that reading and verifying evidence uses, with the same results as Node for every
 * input: a Uint8Array with encodings. Unused parts are missing, so that calling them fails instead of
 * returning something else.
 */

type Encoding = 'utf8' | 'utf-8' | 'latin1' | 'binary' | 'ascii' | 'hex' | 'base64' | 'base64url' | 'utf16le'

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BASE64URL = `${BASE64.slice(0, 62)}-_`
const BASE64_VALUES = new Map(
  [...BASE64, ...'-_'].map((character, at) => [character.charCodeAt(0), at < 64 ? at : at - 2]),
)
const HEX = '0123456789abcdef'
/** Code units passed to String.fromCharCode in one call. */
const PIECE = 8192
const EQUALS_SIGN = 0x3d

const encoder = new TextEncoder()
// Like Node, keeps a byte order mark and writes U+FFFD for bytes that are not UTF-8.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export class Buffer extends Uint8Array {
  static override from(value: unknown, encoding?: unknown, length?: number): Buffer {
    if (typeof value === 'string') return octetsOf(value, (encoding as Encoding | undefined) ?? 'utf8')
    if (value instanceof ArrayBuffer) return new Buffer(value, encoding as number | undefined, length)
    if (value instanceof Uint8Array || Array.isArray(value)) {
      const made = new Buffer(value.length)
      made.set(value as ArrayLike<number>)
      return made
    }
    throw new TypeError('a Buffer is made from text, octets or an ArrayBuffer')
  }

  static override of(...octets: number[]): Buffer {
    return Buffer.from(octets)
  }

  static alloc(size: number, fill: number = 0): Buffer {
    return new Buffer(size).fill(fill)
  }

  static allocUnsafe(size: number): Buffer {
    return new Buffer(size)
  }

  static allocUnsafeSlow(size: number): Buffer {
    return new Buffer(size)
  }

  static isBuffer(value: unknown): value is Buffer {
    return value instanceof Buffer
  }

  static byteLength(text: string | Uint8Array, encoding: Encoding = 'utf8'): number {
    return typeof text === 'string' ? octetsOf(text, encoding).length : text.byteLength
  }

  static concat(list: readonly Uint8Array[], total = list.reduce((sum, one) => sum + one.length, 0)): Buffer {
    const whole = Buffer.alloc(total)
    let at = 0
    for (const one of list) {
      const fitting = one.subarray(0, total - at)
      whole.set(fitting, at)
      at += fitting.length
    }
    return whole
  }

  static compare(one: Uint8Array, other: Uint8Array): -1 | 0 | 1 {
    const common = Math.min(one.length, other.length)
    for (let at = 0; at < common; at += 1) {
      if (one[at] !== other[at]) return one[at]! < other[at]! ? -1 : 1
    }
    return one.length === other.length ? 0 : one.length < other.length ? -1 : 1
  }

  override toString(encoding: Encoding = 'utf8', start = 0, end = this.length): string {
    const octets = Uint8Array.prototype.subarray.call(
      this,
      Math.max(0, start),
      Math.max(0, Math.min(end, this.length)),
    ) as Uint8Array
    switch (encoding) {
      case 'utf8':
      case 'utf-8':
        return decoder.decode(octets)
      case 'latin1':
      case 'binary':
        return textOf(octets, (octet) => octet)
      case 'ascii':
        return textOf(octets, (octet) => octet & 0x7f)
      case 'hex':
        return hexOf(octets)
      case 'base64':
        return base64Of(octets, BASE64, '=')
      case 'base64url':
        return base64Of(octets, BASE64URL, '')
      case 'utf16le':
        return utf16Of(octets)
      default:
        throw new TypeError(`unknown encoding ${String(encoding)}`)
    }
  }

  toJSON(): { type: 'Buffer'; data: number[] } {
    return { type: 'Buffer', data: [...this] }
  }

  equals(other: Uint8Array): boolean {
    return Buffer.compare(this, other) === 0
  }

  compare(other: Uint8Array): -1 | 0 | 1 {
    return Buffer.compare(this, other)
  }

  /** A view of the same memory, as in Node; Uint8Array's own `slice` copies. */
  override slice(start?: number, end?: number): Buffer {
    return this.subarray(start, end)
  }

  override subarray(start?: number, end?: number): Buffer {
    return super.subarray(start, end) as Buffer
  }

  copy(target: Uint8Array, targetStart = 0, start = 0, end = this.length): number {
    if (start > this.length) throw new RangeError('it begins outside')
    const fitting = this.subarray(start, Math.min(end, start + target.length - targetStart))
    target.set(fitting, targetStart)
    return fitting.length
  }

  override fill(value: number, start?: number, end?: number): this {
    if (typeof value !== 'number') throw new TypeError('a Buffer is filled with one octet here')
    return super.fill(value, start, end)
  }

  /** Writes the octets that fit; returns how many. */
  write(
    text: string,
    at: number,
    ...rest: [encoding: Encoding] | [length: number, encoding: Encoding]
  ): number {
    const [length, encoding] = rest.length === 1 ? [this.length - at, rest[0]] : rest
    if (encoding === 'utf8' || encoding === 'utf-8') throw new TypeError('a character could be cut in two')
    return octetsOf(text, encoding).copy(this, at, 0, Math.min(length, this.length - at))
  }

  override indexOf(value: unknown, from = 0, encoding: Encoding = 'utf8'): number {
    if (typeof value === 'number') return super.indexOf(value & 0xff, from)
    const wanted = wantedOf(value, encoding)
    const begin = from < 0 ? Math.max(0, this.length + from) : from
    if (wanted.length === 0) return Math.min(begin, this.length)
    for (let at = super.indexOf(wanted[0]!, begin); at >= 0; at = super.indexOf(wanted[0]!, at + 1)) {
      if (this.#holds(wanted, at)) return at
    }
    return -1
  }

  override lastIndexOf(value: unknown): number {
    if (typeof value === 'number') return super.lastIndexOf(value & 0xff)
    const wanted = wantedOf(value, 'utf8')
    for (let at = this.length - wanted.length; at >= 0; at -= 1) if (this.#holds(wanted, at)) return at
    return -1
  }

  override includes(value: unknown, from = 0, encoding: Encoding = 'utf8'): boolean {
    return this.indexOf(value, from, encoding) >= 0
  }

  #holds(wanted: Uint8Array, at: number): boolean {
    if (at + wanted.length > this.length) return false
    for (let next = 0; next < wanted.length; next += 1) if (this[at + next] !== wanted[next]) return false
    return true
  }

  swap16(): this {
    if (this.length % 2 !== 0) throw new RangeError('Buffer size must be a multiple of 16-bits')
    for (let at = 0; at < this.length; at += 2) {
      const [first, second] = [this[at]!, this[at + 1]!]
      this[at] = second
      this[at + 1] = first
    }
    return this
  }

  get #view(): DataView {
    return new DataView(this.buffer, this.byteOffset, this.byteLength)
  }

  // Outside its range DataView throws a RangeError, as Node does.
  readUInt8(at = 0): number {
    return this.#view.getUint8(at)
  }
  readUInt16LE(at = 0): number {
    return this.#view.getUint16(at, true)
  }
  readUInt16BE(at = 0): number {
    return this.#view.getUint16(at)
  }
  readUInt32LE(at = 0): number {
    return this.#view.getUint32(at, true)
  }
  readUInt32BE(at = 0): number {
    return this.#view.getUint32(at)
  }
  readInt32LE(at = 0): number {
    return this.#view.getInt32(at, true)
  }
  readBigUInt64LE(at = 0): bigint {
    return this.#view.getBigUint64(at, true)
  }
  readBigUInt64BE(at = 0): bigint {
    return this.#view.getBigUint64(at)
  }
  readUIntBE(at: number, length: number): number {
    if (length < 1 || length > 6 || at < 0 || at + length > this.length) throw new RangeError('out of range')
    let value = 0
    for (const octet of this.subarray(at, at + length)) value = value * 0x100 + octet
    return value
  }
  writeUInt16LE(value: number, at = 0): number {
    this.#view.setUint16(at, value, true)
    return at + 2
  }
  writeUInt16BE(value: number, at = 0): number {
    this.#view.setUint16(at, value)
    return at + 2
  }
  writeUInt32LE(value: number, at = 0): number {
    this.#view.setUint32(at, value, true)
    return at + 4
  }
  writeUInt32BE(value: number, at = 0): number {
    this.#view.setUint32(at, value)
    return at + 4
  }
  writeBigUInt64BE(value: bigint, at = 0): number {
    this.#view.setBigUint64(at, value)
    return at + 8
  }
}

/** Whether the octets are valid UTF-8. */
export function isUtf8(octets: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(octets)
    return true
  } catch {
    return false
  }
}

function wantedOf(value: unknown, encoding: Encoding): Uint8Array {
  if (typeof value === 'string') return octetsOf(value, encoding)
  if (value instanceof Uint8Array) return value
  throw new TypeError('what is looked for is a number, a text or octets')
}

function octetsOf(text: string, encoding: Encoding): Buffer {
  switch (encoding) {
    case 'utf8':
    case 'utf-8': {
      const octets = encoder.encode(text)
      return new Buffer(octets.buffer, octets.byteOffset, octets.byteLength)
    }
    case 'latin1':
    case 'binary':
    case 'ascii':
      return Buffer.from(Array.from({ length: text.length }, (_, at) => text.charCodeAt(at) & 0xff))
    case 'hex':
      return fromHex(text)
    case 'base64':
    case 'base64url':
      return fromBase64(text)
    default:
      throw new TypeError(`unknown encoding ${String(encoding)}`)
  }
}

/** Like Node, ends before the first pair that is not hexadecimal. */
function fromHex(text: string): Buffer {
  const octets: number[] = []
  for (let at = 0; at + 1 < text.length; at += 2) {
    const pair = String.fromCharCode(text.charCodeAt(at) & 0xff, text.charCodeAt(at + 1) & 0xff)
    if (!/^[0-9a-f]{2}$/i.test(pair)) break
    octets.push(Number.parseInt(pair, 16))
  }
  return Buffer.from(octets)
}

/**
 * Like Node, accepts both alphabets, ignores foreign characters, ends at the first "=" and uses the low octet
 * of each character.
 */
function fromBase64(text: string): Buffer {
  const octets = new Buffer(Math.floor((text.length * 3) / 4) + 3)
  let length = 0
  let bits = 0
  let held = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at) & 0xff
    if (code === EQUALS_SIGN) break
    const value = BASE64_VALUES.get(code)
    if (value === undefined) continue
    bits = ((bits << 6) | value) & 0xffff
    held += 6
    if (held < 8) continue
    held -= 8
    octets[length] = (bits >> held) & 0xff
    length += 1
  }
  return Buffer.from(octets.subarray(0, length))
}

function base64Of(octets: Uint8Array, alphabet: string, padding: string): string {
  const pieces: string[] = []
  for (let at = 0; at < octets.length; at += 3) {
    const [first = 0, second = 0, third = 0] = octets.subarray(at, at + 3)
    const group = (first << 16) | (second << 8) | third
    const left = Math.min(3, octets.length - at)
    const sextet = (shift: number): string => alphabet[(group >> shift) & 0x3f]!
    pieces.push(sextet(18) + sextet(12) + (left > 1 ? sextet(6) : padding) + (left > 2 ? sextet(0) : padding))
  }
  return pieces.join('')
}

function hexOf(octets: Uint8Array): string {
  const pieces: string[] = []
  for (const octet of octets) pieces.push(HEX[octet >> 4]! + HEX[octet & 0xf]!)
  return pieces.join('')
}

function textOf(octets: Uint8Array, code: (octet: number) => number): string {
  const pieces: string[] = []
  for (let at = 0; at < octets.length; at += PIECE) {
    pieces.push(String.fromCharCode(...Array.from(octets.subarray(at, at + PIECE), code)))
  }
  return pieces.join('')
}

function utf16Of(octets: Uint8Array): string {
  const units: string[] = []
  for (let at = 0; at + 1 < octets.length; at += 2) {
    units.push(String.fromCharCode(octets[at]! | (octets[at + 1]! << 8)))
  }
  return units.join('')
}
