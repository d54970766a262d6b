/**
 * Reads strict DER (X.690 section 10): one whole element, definite and shortest lengths, single-octet tags,
 * primitive strings, and no bytes after it. The whole nesting is checked at once, so elements that nobody
 * reads later are well-formed too. Two rules are not enforced, since deployed authorities break them and
 * neither changes a meaning: the order of SET OF, and the omission of DEFAULT values.
 */
import { Fault } from '#schemas/fault.ts'

/**
 * One element. `tag` is the whole identifier octet (0x30 = SEQUENCE); `content` and `raw` (the whole
 * encoding) are slices.
 */
export type Der = { tag: number; content: Buffer; raw: Buffer }

/** The identifier octets that this project uses. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

const MAX_SIZE = 4 * 1024 * 1024
const MAX_DEPTH = 32
// A 4 MiB buffer of two-octet elements would become two million objects.
const MAX_ELEMENTS = 100_000

/**
 * Reads exactly one element that fills `bytes`; throws `malformed_der`. Slices share the memory of `bytes`.
 */
export function parseDer(bytes: Buffer): Der {
  if (bytes.length > MAX_SIZE) throw malformed(`longer than ${MAX_SIZE} bytes`)
  const end = endOf(bytes, 0, bytes.length)
  if (end !== bytes.length) throw malformed('bytes after the end')
  checkInside(bytes, 0, end, 1, { left: MAX_ELEMENTS })
  return elementAt(bytes, 0, end)
}

/** The elements inside a constructed element, in order. */
export function children(der: Der): Der[] {
  if ((der.tag & 0x20) === 0) throw malformed(`tag ${hex(der.tag)} holds no elements`)
  const found: Der[] = []
  const bytes = der.content
  for (let at = 0; at < bytes.length; ) {
    const end = endOf(bytes, at, bytes.length)
    found.push(elementAt(bytes, at, end))
    at = end
  }
  return found
}

/** The one element inside an explicitly tagged element. */
export function onlyChild(der: Der): Der {
  const [child, ...more] = children(der)
  if (child === undefined || more.length > 0) throw malformed(`tag ${hex(der.tag)} must hold one element`)
  return child
}

/**
 * Returns `der` if it is present and has this tag, else throws `malformed_der`; `what` names the element in
 * the fault.
 */
export function expectTag(der: Der | undefined, tag: number, what: string): Der {
  if (der === undefined) throw malformed(`${what} is missing`)
  if (der.tag !== tag) throw malformed(`${what} has tag ${hex(der.tag)}, not ${hex(tag)}`)
  return der
}

/** Creates a `malformed_der` fault; `what` names the structure and the reason, never content. */
export function malformed(what: string): Fault {
  return new Fault('malformed_der', { what })
}

function elementAt(bytes: Buffer, start: number, end: number): Der {
  const first = bytes[start + 1]!
  const head = first < 0x80 ? 2 : 2 + (first & 0x7f)
  return {
    tag: bytes[start]!,
    content: bytes.subarray(start + head, end),
    raw: start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
  }
}

/** Returns where the element that begins at `start` ends; checks its tag and length. */
function endOf(bytes: Buffer, start: number, limit: number): number {
  if (limit - start < 2) throw malformed('ends inside an element')
  checkTag(bytes[start]!)
  const first = bytes[start + 1]!
  if (first < 0x80) return within(start + 2 + first, limit)
  const count = first & 0x7f
  if (count === 0) throw malformed('indefinite length')
  if (count > 3) throw malformed('length too large')
  if (limit - start < 2 + count) throw malformed('ends inside a length')
  const length = bytes.readUIntBE(start + 2, count)
  if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw malformed('length not in its shortest form')
  return within(start + 2 + count + length, limit)
}

function within(end: number, limit: number): number {
  if (end > limit) throw malformed('ends inside an element')
  return end
}

function checkTag(tag: number): void {
  if ((tag & 0x1f) === 0x1f) throw malformed('tag of several octets')
  if (tag >= 0x40) return
  if (tag === 0) throw malformed('end-of-contents octets')
  const structured = tag === TAG.sequence || tag === TAG.set
  if (!structured && ((tag & 0x20) !== 0 || tag === 0x10 || tag === 0x11)) {
    throw malformed(`tag ${hex(tag)} has the wrong form`)
  }
}

function checkInside(
  bytes: Buffer,
  start: number,
  end: number,
  depth: number,
  budget: { left: number },
): void {
  if (--budget.left < 0) throw malformed('too many elements')
  if ((bytes[start]! & 0x20) === 0) return
  if (depth > MAX_DEPTH) throw malformed(`nested deeper than ${MAX_DEPTH}`)
  const first = bytes[start + 1]!
  let at = start + (first < 0x80 ? 2 : 2 + (first & 0x7f))
  while (at < end) {
    const next = endOf(bytes, at, end)
    checkInside(bytes, at, next, depth + 1, budget)
    at = next
  }
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`
}
