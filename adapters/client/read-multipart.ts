/**
 * Reads multipart/related as it comes, part by part, in memory that does not grow with it. Guarantees that a
 * part which was cut is never taken for whole: the closing delimiter has to come.
 */
import { Buffer } from 'node:buffer'
import { ExchangeError } from './exchange-error.ts'

export type Part = {
  headers: Headers
  /** To its end, or to be skipped; the next part comes after it. */
  body: AsyncIterableIterator<Uint8Array>
}

const MAX_HEAD = 16 * 1024
const MAX_PARTS = 1000
const BLANK_LINE = new TextEncoder().encode('\r\n\r\n')
/** RFC 2046 section 5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*)$/

/** The boundary of a content type; undefined unless it is multipart/related with one. */
export function boundaryOf(contentType: string): string | undefined {
  if (!/^\s*multipart\/related\s*;/i.test(contentType) || contentType.length > 2000) return undefined
  const found = [...contentType.matchAll(/;\s*boundary\s*=\s*(?:"([^"\\]*)"|([^\s;"]+))/gi)]
  const boundary = found[0]?.[1] ?? found[0]?.[2] ?? ''
  return found.length === 1 && BOUNDARY.test(boundary) ? boundary : undefined
}

/** Throws what `chunks` throws, `answer_cut`, and `unreadable_answer`. */
export async function* readMultipart(
  chunks: AsyncIterator<Uint8Array>,
  boundary: string,
): AsyncGenerator<Part> {
  const delimiter = latin1(`\r\n--${boundary}`)
  // The first delimiter may stand at the very beginning.
  let held: Uint8Array = latin1('\r\n')
  const more = async (): Promise<void> => {
    const { done, value } = await chunks.next()
    if (done === true)
      throw new ExchangeError('answer_cut', { what: 'its parts', mayHaveBeenCarriedOut: true })
    held = join(held, value)
  }
  const has = async (least: number): Promise<void> => {
    while (held.length < least) await more()
  }
  /** What stands before the next delimiter, piece by piece; the delimiter is taken, too. */
  async function* untilDelimiter(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = find(held, delimiter)
      if (at !== -1) {
        if (at > 0) yield held.subarray(0, at)
        held = held.subarray(at + delimiter.length)
        return
      }
      // A delimiter may have begun at its end.
      const sure = held.length - delimiter.length + 1
      if (sure > 0) {
        yield held.subarray(0, sure)
        held = held.subarray(sure)
      }
      await more()
    }
  }

  let preamble = 0
  for await (const piece of untilDelimiter()) {
    preamble += piece.length
    if (preamble > MAX_HEAD) throw malformed('too much stands before its parts')
  }
  for (let parts = 0; ; parts++) {
    if (parts > MAX_PARTS) throw malformed('it has too many parts')
    await has(2)
    if (held[0] === 0x2d && held[1] === 0x2d) return
    let end = find(held, BLANK_LINE)
    while (end === -1 && held.length <= MAX_HEAD) {
      await more()
      end = find(held, BLANK_LINE)
    }
    if (end === -1 || end > MAX_HEAD) throw malformed('the head of a part is too large')
    const headers = headersOf(held.subarray(0, end))
    held = held.subarray(end + 2)
    let isRead = false
    const body = (async function* (): AsyncGenerator<Uint8Array> {
      // The end of the blank line, which may be that of the delimiter of an empty part.
      let blank = 2
      for await (const piece of untilDelimiter()) {
        const own = piece.subarray(Math.min(blank, piece.length))
        blank -= piece.length - own.length
        if (own.length > 0) yield own
      }
      isRead = true
    })()
    yield { headers, body }
    // What nobody read is passed over.
    if (!isRead) for await (const _ of body);
    if (!isRead) for await (const _ of untilDelimiter());
  }
}

/** Folded lines, and a name that stands twice, mean different things to different readers. */
function headersOf(head: Uint8Array): Headers {
  const headers = new Headers()
  const lines = new TextDecoder('latin1').decode(head).split('\r\n')
  if (!/^[ \t]*$/.test(lines[0]!)) throw malformed('a delimiter is malformed')
  for (const line of lines.slice(1)) {
    const [, name, value = ''] = FIELD.exec(line) ?? []
    if (name === undefined || headers.has(name)) throw malformed('the head of a part is malformed')
    try {
      headers.set(name, value)
    } catch {
      throw malformed('the head of a part is malformed')
    }
  }
  return headers
}

function find(bytes: Uint8Array, wanted: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(wanted)
}

function join(one: Uint8Array, other: Uint8Array): Uint8Array {
  if (one.length === 0) return other
  const whole = new Uint8Array(one.length + other.length)
  whole.set(one)
  whole.set(other, one.length)
  return whole
}

function latin1(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function malformed(what: string): ExchangeError {
  return new ExchangeError('unreadable_answer', { what, mayHaveBeenCarriedOut: true })
}
