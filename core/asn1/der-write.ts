/**
 * Writes DER (X.690 section 10). Programming mistakes (a malformed OID text, an invalid date) throw plain
 * errors.
 */
import { TAG } from './der-element.ts'

function element(tag: number, content: Buffer): Buffer {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const bytes: number[] = []
  for (let left = length; left > 0; left >>>= 8) bytes.unshift(left & 0xff)
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length, ...bytes), content])
}

/** The shortest two's complement form. */
function integerBytes(value: bigint): Buffer {
  // The digits of the magnitude give the length, or one byte less if the sign bit does not fit.
  let length = Math.max(1, value.toString(16).replace('-', '').length >> 1)
  while (BigInt.asIntN(length * 8, value) !== value) length++
  return Buffer.from(
    BigInt.asUintN(length * 8, value)
      .toString(16)
      .padStart(length * 2, '0'),
    'hex',
  )
}

function oidBytes(text: string): Buffer {
  if (!/^[0-2](\.(0|[1-9][0-9]*))+$/.test(text)) throw new RangeError(`not an object identifier: ${text}`)
  const [top, second, ...rest] = text.split('.').map(BigInt) as [bigint, bigint, ...bigint[]]
  if (top < 2n && second > 39n) throw new RangeError(`not an object identifier: ${text}`)
  return Buffer.from([top * 40n + second, ...rest].flatMap(base128))
}

function base128(arc: bigint): number[] {
  const bytes = [Number(arc & 0x7fn)]
  for (let left = arc >> 7n; left > 0n; left >>= 7n) bytes.unshift(Number(left & 0x7fn) | 0x80)
  return bytes
}

/** YYYYMMDDHHMMSSZ. Milliseconds are cut off, since other DER readers refuse fractions that end in zeros. */
function timeText(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
}

export const der = {
  sequence: (...parts: Buffer[]): Buffer => element(TAG.sequence, Buffer.concat(parts)),
  /** SET: the caller passes the parts in the order of their tags. */
  set: (...parts: Buffer[]): Buffer => element(TAG.set, Buffer.concat(parts)),
  /** SET OF: sorts its parts by their encoding (X.690 11.6). */
  setOf: (...parts: Buffer[]): Buffer => element(TAG.set, Buffer.concat([...parts].sort(Buffer.compare))),
  /** INTEGER; a Buffer is an unsigned number, big-endian, with or without leading zeros. */
  integer: (value: number | bigint | Buffer): Buffer =>
    element(
      TAG.integer,
      integerBytes(Buffer.isBuffer(value) ? BigInt(`0x0${value.toString('hex')}`) : BigInt(value)),
    ),
  enumerated: (value: number): Buffer => element(TAG.enumerated, integerBytes(BigInt(value))),
  boolean: (value: boolean): Buffer => Buffer.of(TAG.boolean, 1, value ? 0xff : 0),
  null: (): Buffer => Buffer.of(TAG.null, 0),
  oid: (text: string): Buffer => element(TAG.oid, oidBytes(text)),
  octetString: (bytes: Buffer): Buffer => element(TAG.octetString, bytes),
  /** BIT STRING; the `unused` last bits of `bytes` must be zero. */
  bitString: (bytes: Buffer, unused = 0): Buffer =>
    element(TAG.bitString, Buffer.concat([Buffer.of(unused), bytes])),
  utf8: (text: string): Buffer => element(TAG.utf8String, Buffer.from(text, 'utf8')),
  printable: (text: string): Buffer => element(TAG.printableString, Buffer.from(text, 'latin1')),
  ia5: (text: string): Buffer => element(TAG.ia5String, Buffer.from(text, 'latin1')),
  /** GeneralizedTime in whole seconds (RFC 5280 4.1.2.5.2). */
  generalizedTime: (date: Date): Buffer =>
    element(TAG.generalizedTime, Buffer.from(timeText(date), 'latin1')),
  /** UTCTime, for the years 1950 to 2049. */
  utcTime: (date: Date): Buffer => {
    const year = date.getUTCFullYear()
    if (year < 1950 || year > 2049) throw new RangeError('UTCTime holds the years 1950 to 2049')
    return element(TAG.utcTime, Buffer.from(timeText(date).slice(2), 'latin1'))
  },
  /** [n] EXPLICIT: wraps `part`. */
  explicit: (n: number, part: Buffer): Buffer => element(0xa0 | n, part),
  /** [n] IMPLICIT: replaces the tag of `part`; the constructed bit stays as it is. */
  implicit: (n: number, part: Buffer): Buffer => {
    const retagged = Buffer.from(part)
    retagged[0] = 0x80 | n | (part[0]! & 0x20)
    return retagged
  },
  /** [n] primitive with this content. */
  contextPrimitive: (n: number, content: Buffer): Buffer => element(0x80 | n, content),
}
