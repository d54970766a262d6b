/**
 * Where the events of an inbox's answer stand in it, so that whoever needs the octets that the sender handed
 * over has them: numbers and texts printed anew can be others.
 */
import { Buffer } from 'node:buffer'

const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]
/** In `{"events":[{…,"event":{…}}]}` the member `event` is in three brackets. */
const DEPTH = 3
const NAME = new TextEncoder().encode('event')
const NULL = new TextEncoder().encode('null')

/** Of JSON: the octets of each member `event`, in order. Of other octets: any. */
export function eventSpans(json: Uint8Array): Uint8Array[] {
  const spans: Uint8Array[] = []
  let depth = 0
  let from = -1
  let isNamed = false
  for (let at = 0; at < json.length; at++) {
    const octet = json[at]
    if (octet === QUOTE) {
      const end = endOfString(json, at)
      if (depth === DEPTH) isNamed = isName(json.subarray(at + 1, end))
      at = end
    } else if (octet === OPEN || octet === OPEN_LIST) {
      if (depth === DEPTH && isNamed && octet === OPEN) from = at
      depth++
    } else if (octet === CLOSE || octet === CLOSE_LIST) {
      depth--
      if (depth === DEPTH && from >= 0) {
        spans.push(json.subarray(from, at + 1))
        from = -1
      }
    }
  }
  return spans
}

/** The JSON with `null` in place of each of its spans. */
export function withoutSpans(json: Uint8Array, spans: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = []
  let from = 0
  for (const span of spans) {
    const at = span.byteOffset - json.byteOffset
    parts.push(json.subarray(from, at), NULL)
    from = at + span.length
  }
  return Buffer.concat([...parts, json.subarray(from)])
}

function endOfString(json: Uint8Array, from: number): number {
  let at = from + 1
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1
  return at
}

function isName(octets: Uint8Array): boolean {
  return octets.length === NAME.length && octets.every((octet, i) => octet === NAME[i])
}
