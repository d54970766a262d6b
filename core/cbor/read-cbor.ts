/**
 * Reads CBOR (RFC 8949) strictly and keeps the bytes of every node, because digests and signatures are over
 * those.
 */
import { isUtf8 } from 'node:buffer'

/** The bytes are not CBOR as this reader takes it. It says nothing of their content. */
export class NotCbor extends Error {}

type Content =
  | { kind: 'integer'; value: number | bigint }
  | { kind: 'bytes'; value: Buffer }
  | { kind: 'text'; value: string }
  | { kind: 'array'; items: CborNode[] }
  | { kind: 'map'; entries: Map<string | number, CborNode> }
  | { kind: 'tag'; tag: number; content: CborNode }
  | { kind: 'simple'; value: boolean | null | undefined }
  | { kind: 'float'; value: number }

/** A value, and the bytes it was read from. */
export type CborNode = Content & { raw: Buffer }

const MAX_DEPTH = 16
const MAX_NODES = 20_000

type Reading = { bytes: Buffer; at: number; nodes: number }

/** The one value that fills `bytes`. Throws `NotCbor`. */
export function readCbor(bytes: Buffer): CborNode {
  const reading = { bytes, at: 0, nodes: 0 }
  const node = readNode(reading, 0)
  if (reading.at !== bytes.length) throw new NotCbor('something follows the value')
  return node
}

function readNode(reading: Reading, depth: number): CborNode {
  if (depth > MAX_DEPTH) throw new NotCbor(`deeper than ${MAX_DEPTH} levels`)
  if (++reading.nodes > MAX_NODES) throw new NotCbor(`more than ${MAX_NODES} values`)
  const start = reading.at
  const content = readContent(reading, depth)
  return { ...content, raw: reading.bytes.subarray(start, reading.at) }
}

function readContent(reading: Reading, depth: number): Content {
  const first = take(reading, 1)[0]!
  const [major, info] = [first >> 5, first & 0x1f]
  if (major === 7) return readSimple(reading, info)
  const length = readLength(reading, info)
  switch (major) {
    case 0:
      return { kind: 'integer', value: length }
    case 1:
      return { kind: 'integer', value: typeof length === 'bigint' ? -1n - length : -1 - length }
    case 2:
      return { kind: 'bytes', value: take(reading, length) }
    case 3:
      return { kind: 'text', value: readText(take(reading, length)) }
    case 4:
      return { kind: 'array', items: readItems(reading, length, depth) }
    case 5:
      return { kind: 'map', entries: readEntries(reading, length, depth) }
    default:
      if (typeof length === 'bigint') throw new NotCbor('a tag that is too large')
      return { kind: 'tag', tag: length, content: readNode(reading, depth + 1) }
  }
}

function readSimple(reading: Reading, info: number): Content {
  switch (info) {
    case 20:
    case 21:
      return { kind: 'simple', value: info === 21 }
    case 22:
      return { kind: 'simple', value: null }
    case 23:
      return { kind: 'simple', value: undefined }
    case 26:
      return { kind: 'float', value: take(reading, 4).readFloatBE() }
    case 27:
      return { kind: 'float', value: take(reading, 8).readDoubleBE() }
    default:
      throw new NotCbor('a simple value of unknown kind')
  }
}

/** A whole number that a double cannot hold exactly stays a bigint. */
function readLength(reading: Reading, info: number): number | bigint {
  if (info < 24) return info
  switch (info) {
    case 24:
      return take(reading, 1)[0]!
    case 25:
      return take(reading, 2).readUInt16BE()
    case 26:
      return take(reading, 4).readUInt32BE()
    case 27: {
      const large = take(reading, 8).readBigUInt64BE()
      return large <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(large) : large
    }
    default:
      throw new NotCbor('an indefinite length')
  }
}

function readItems(reading: Reading, length: number | bigint, depth: number): CborNode[] {
  if (length > MAX_NODES) throw new NotCbor('a list that is too long')
  const items: CborNode[] = []
  for (let at = 0; at < length; at++) items.push(readNode(reading, depth + 1))
  return items
}

function readEntries(
  reading: Reading,
  length: number | bigint,
  depth: number,
): Map<string | number, CborNode> {
  if (length > MAX_NODES) throw new NotCbor('a map that is too long')
  const entries = new Map<string | number, CborNode>()
  for (let at = 0; at < length; at++) {
    const key = keyOf(readNode(reading, depth + 1))
    if (entries.has(key)) throw new NotCbor('a key stands twice')
    entries.set(key, readNode(reading, depth + 1))
  }
  return entries
}

function keyOf(node: CborNode): string | number {
  if (node.kind === 'text') return node.value
  if (node.kind === 'integer' && typeof node.value === 'number') return node.value
  throw new NotCbor('a key that is neither text nor an integer')
}

function readText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new NotCbor('text that is not UTF-8')
  return bytes.toString('utf8')
}

function take(reading: Reading, length: number | bigint): Buffer {
  const left = reading.bytes.length - reading.at
  if (length > left) throw new NotCbor('it is cut')
  const end = reading.at + Number(length)
  const taken = reading.bytes.subarray(reading.at, end)
  reading.at = end
  return taken
}
