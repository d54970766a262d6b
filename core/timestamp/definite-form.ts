/**
 * Converts the BER that CMS allows around a time-stamp into DER: indefinite lengths become definite, octet
 * strings in pieces become whole. Only the content's octets and the DER of the signed attributes are signed
 * (RFC 5652 5.4), so nothing signed changes. X-Road's older tokens are in BER.
 */
import { malformed, parseDer } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { Fault } from '#schemas/fault.ts'

/** Longer tokens and answers are refused without being read. */
const MAX_TIMESTAMP_BYTES = 64 * 1024

const MAX_DEPTH = 16
const CONSTRUCTED_OCTETS = 0x24

/** The DER form of `bytes`; `bytes` itself when it is already DER. Throws `malformed_der`. */
export function definiteForm(bytes: Buffer): Buffer {
  if (bytes.length > MAX_TIMESTAMP_BYTES) throw malformed(`longer than ${MAX_TIMESTAMP_BYTES} bytes`)
  try {
    parseDer(bytes)
    return bytes
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
  }
  const { end, form } = convert(bytes, 0, bytes.length, 1)
  if (end !== bytes.length) throw malformed('bytes after the end')
  return form
}

type Converted = { form: Buffer; end: number }

function convert(bytes: Buffer, start: number, limit: number, depth: number): Converted {
  if (depth > MAX_DEPTH) throw malformed(`nested deeper than ${MAX_DEPTH}`)
  if (limit - start < 2) throw malformed('ends inside an element')
  const tag = bytes[start]!
  if ((tag & 0x1f) === 0x1f) throw malformed('tag of several octets')
  if (bytes[start + 1] === 0x80) return convertIndefinite(bytes, start, limit, depth)
  const { from, end } = definiteLength(bytes, start, limit)
  if ((tag & 0x20) === 0) return { form: element(tag, [bytes.subarray(from, end)]), end }
  const parts: Buffer[] = []
  for (let at = from; at < end; ) {
    const part = convert(bytes, at, end, depth + 1)
    parts.push(part.form)
    at = part.end
  }
  return { form: element(tag, parts), end }
}

function convertIndefinite(bytes: Buffer, start: number, limit: number, depth: number): Converted {
  const tag = bytes[start]!
  if ((tag & 0x20) === 0) throw malformed('indefinite length of a primitive element')
  const parts: Buffer[] = []
  let at = start + 2
  while (!(bytes[at] === 0 && bytes[at + 1] === 0)) {
    const part = convert(bytes, at, limit, depth + 1)
    parts.push(part.form)
    at = part.end
  }
  if (at + 2 > limit) throw malformed('ends inside an element')
  return { form: element(tag, parts), end: at + 2 }
}

function definiteLength(bytes: Buffer, start: number, limit: number): { from: number; end: number } {
  const first = bytes[start + 1]!
  const count = first < 0x80 ? 0 : first & 0x7f
  if (count > 4 || limit - start < 2 + count) throw malformed('length')
  const from = start + 2 + count
  const end = from + (count === 0 ? first : bytes.readUIntBE(start + 2, count))
  if (end > limit) throw malformed('ends inside an element')
  return { from, end }
}

function element(tag: number, parts: Buffer[]): Buffer {
  if (tag !== CONSTRUCTED_OCTETS) return retag(tag, Buffer.concat(parts))
  return der.octetString(Buffer.concat(parts.map((part) => piece(part))))
}

function piece(part: Buffer): Buffer {
  const { tag, content } = parseDer(part)
  if (tag !== 0x04) throw malformed('an octet string made of other things')
  return content
}

function retag(tag: number, content: Buffer): Buffer {
  const form = der.octetString(content)
  form[0] = tag
  return form
}
