/**
 * Reads the primitive values of DER, each in its one allowed encoding (X.690 sections 8 and 11). Every reader
 * has the expected tag as a parameter, so that implicitly tagged fields follow the same rules. All throw
 * `malformed_der`.
 */
import { type Der, expectTag, malformed, TAG } from './der-element.ts'

const MAX_INTEGER_BYTES = 4096
const MAX_OID_BYTES = 128

/** INTEGER of any size. */
export function readInteger(der: Der | undefined, tag: number = TAG.integer): bigint {
  const { content } = expectTag(der, tag, 'integer')
  checkInteger(content)
  return BigInt.asIntN(content.length * 8, BigInt(`0x${content.toString('hex')}`))
}

/** INTEGER from 0 to 2^31 - 1: versions, counts, status codes. */
export function readSmallInteger(der: Der | undefined, tag: number = TAG.integer): number {
  const { content } = expectTag(der, tag, 'integer')
  checkInteger(content)
  if (content.length > 4 || content[0]! >= 0x80) throw malformed('integer out of range')
  return content.readUIntBE(0, content.length)
}

/** ENUMERATED from 0 to 2^31 - 1. */
export function readEnumerated(der: Der | undefined, tag: number = TAG.enumerated): number {
  return readSmallInteger(der, tag)
}

function checkInteger(content: Buffer): void {
  if (content.length === 0) throw malformed('empty integer')
  if (content.length > MAX_INTEGER_BYTES) throw malformed('integer too large')
  if (content.length === 1) return
  const sign = content[1]! >= 0x80 ? 0xff : 0x00
  if (content[0] === sign) throw malformed('integer not in its shortest form')
}

/** BOOLEAN: 0xff alone is accepted as TRUE. */
export function readBoolean(der: Der | undefined, tag: number = TAG.boolean): boolean {
  const { content } = expectTag(der, tag, 'boolean')
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
    throw malformed('boolean not in DER form')
  return content[0] === 0xff
}

/** NULL: throws for any other element. */
export function readNull(der: Der | undefined, tag: number = TAG.null): void {
  if (expectTag(der, tag, 'null').content.length !== 0) throw malformed('null with content')
}

/** OCTET STRING: a slice of the input. */
export function readOctetString(der: Der | undefined, tag: number = TAG.octetString): Buffer {
  return expectTag(der, tag, 'octet string').content
}

/** BIT STRING: its bytes (a slice) and the number of unused bits at the end, which must be zero. */
export function readBitString(
  der: Der | undefined,
  tag: number = TAG.bitString,
): { unused: number; bytes: Buffer } {
  const { content } = expectTag(der, tag, 'bit string')
  const unused = content[0]
  if (unused === undefined || unused > 7) throw malformed('bit string without a valid count of unused bits')
  const bytes = content.subarray(1)
  if (unused > 0 && (bytes.length === 0 || (bytes.at(-1)! & ((1 << unused) - 1)) !== 0)) {
    throw malformed('bit string with unused bits that are not zero')
  }
  return { unused, bytes }
}

const knownOids = new Map<string, string>()
const MAX_KNOWN_OIDS = 512

/** OBJECT IDENTIFIER in dotted form. */
export function readOid(der: Der | undefined, tag: number = TAG.oid): string {
  const { content } = expectTag(der, tag, 'object identifier')
  if (content.length === 0 || content.length > MAX_OID_BYTES)
    throw malformed('object identifier of wrong length')
  const key = content.toString('latin1')
  const known = knownOids.get(key)
  if (known !== undefined) return known
  const text = oidText(content)
  // Most messages use the same few dozen identifiers; the limit stops a flood of others from filling memory.
  if (knownOids.size < MAX_KNOWN_OIDS) knownOids.set(key, text)
  return text
}

function oidText(content: Buffer): string {
  if (content.at(-1)! >= 0x80) throw malformed('object identifier ends inside an arc')
  const arcs: bigint[] = []
  let arc = 0n
  let begins = true
  for (const byte of content) {
    if (begins && byte === 0x80) throw malformed('object identifier not in its shortest form')
    arc = (arc << 7n) | BigInt(byte & 0x7f)
    begins = byte < 0x80
    if (!begins) continue
    arcs.push(arc)
    arc = 0n
  }
  const first = arcs[0]!
  const top = first < 40n ? 0n : first < 80n ? 1n : 2n
  return [top, first - top * 40n, ...arcs.slice(1)].join('.')
}
