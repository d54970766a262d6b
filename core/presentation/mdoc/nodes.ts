/**
 * Takes the parts of mobile documents out of CBOR; whatever is not as it must be refuses the presentation.
 */
import { type CborNode, NotCbor, readCbor } from '#core/cbor/read-cbor.ts'
import { need, Refused } from '../refused.ts'

export type CborMap = Map<string | number, CborNode>

/** ISO/IEC 18013-5 puts what is signed into a byte string that is CBOR itself. */
const ENCODED_CBOR = 24

/** `bytes` as CBOR; refuses with `presentation_malformed`. */
export function readNode(bytes: Buffer): CborNode {
  try {
    return readCbor(bytes)
  } catch (thrown) {
    if (!(thrown instanceof NotCbor)) throw thrown
    throw new Refused('presentation_malformed', thrown.message)
  }
}

export function mapOf(node: CborNode | undefined, what: string): CborMap {
  need(node?.kind === 'map', 'presentation_malformed', what)
  return node.entries
}

export function itemsOf(node: CborNode | undefined, what: string): CborNode[] {
  need(node?.kind === 'array', 'presentation_malformed', what)
  return node.items
}

export function textOf(node: CborNode | undefined, what: string): string {
  need(node?.kind === 'text', 'presentation_malformed', what)
  return node.value
}

export function bytesOf(node: CborNode | undefined, what: string): Buffer {
  need(node?.kind === 'bytes', 'presentation_malformed', what)
  return node.value
}

/** What stands in a byte string under tag 24. */
export function encodedOf(node: CborNode | undefined, what: string): CborNode {
  need(node?.kind === 'tag' && node.tag === ENCODED_CBOR, 'presentation_malformed', what)
  return readNode(bytesOf(node.content, what))
}

/** A time under tag 0 (RFC 3339). */
export function timeOf(node: CborNode | undefined, what: string): Date {
  need(node?.kind === 'tag' && node.tag === 0, 'presentation_malformed', what)
  const text = textOf(node.content, what)
  const time = new Date(text)
  const isSound = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)
  need(isSound && !Number.isNaN(time.getTime()), 'presentation_malformed', what)
  return time
}
