/**
 * A push parser for multipart bodies (RFC 2046) that knows one reading of every byte: one kind of line end,
 * no doubled part header. Between servers there is also no preamble, no padding, no folded part header,
 * nothing but white space after the end, and line ends are CRLF; systems of members may write all this, since
 * what they write is written anew. Part bodies are handed out as slices of the chunks that came in; only
 * bytes that may begin a delimiter are held back.
 */
import { Fault } from '#schemas/fault.ts'
import type { Dialect } from './content-type.ts'

/** Takes one part's raw bytes. A promise holds up the source until it settles. */
export type PartHandler = { write(chunk: Buffer): void | Promise<void>; end(): void | Promise<void> }

/** The size of bodies is the handlers' affair: they know what each part may hold. */
export type MultipartLimits = { maxParts: number; maxHeaderBytes: number }

export type MultipartParser = {
  /** Must not be called again before a promise that it returned has settled. */
  push(chunk: Buffer): void | Promise<void>
  /** At the end of input: throws unless the close delimiter was seen. */
  finish(): void
}

const EMPTY = Buffer.alloc(0)
const [CR, LF, DASH] = [0x0d, 0x0a, 0x2d]
/** What may stand before the first boundary and after the last. */
const MAX_AROUND = 1_024
const MAX_PADDING = 64
const HEADER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/
const WHITE_SPACE: ReadonlySet<number> = new Set([0x09, LF, CR, 0x20])

type State = 'start' | 'delimiter' | 'headers' | 'body-start' | 'body' | 'epilogue'
const MORE = Symbol('more input is needed')

/**
 * Throws and rejects with `mime_parsing_failed`, or with what a handler throws; after that the parser is of
 * no use.
 */
export function createMultipartParser(q: {
  boundary: string
  limits: MultipartLimits
  dialect?: Dialect
  /**
   * An empty line may stand before the first boundary: X-Road writes one where a multipart is nested in
   * another (pr-messtransp).
   */
  isNested?: boolean
  onPart(headers: ReadonlyMap<string, string>, index: number): PartHandler
}): MultipartParser {
  const isLax = q.dialect === 'systems'
  const delimiterAfter = (lineEnd: string): Buffer => Buffer.from(`${lineEnd}--${q.boundary}`, 'latin1')
  let lineEnd = '\r\n'
  let delimiter = delimiterAfter(lineEnd)
  let state: State = 'start'
  let mayBeginWithLine = q.isNested === true
  let held: Buffer = EMPTY
  let parts = 0
  let epilogue = 0
  let padded = 0
  let part: PartHandler | undefined

  const steps: Record<State, () => typeof MORE | undefined | Promise<void>> = {
    start() {
      const opening = delimiter.subarray(2)
      if (isLax) return preamble(opening)
      if (mayBeginWithLine) {
        if (held.length < 2) return MORE
        if (held[0] === CR && held[1] === LF) held = held.subarray(2)
        mayBeginWithLine = false
      }
      if (!beginsAlike(held, opening)) throw malformed('the body does not begin with its boundary')
      if (held.length < opening.length) return MORE
      held = held.subarray(opening.length)
      state = 'delimiter'
      return undefined
    },
    delimiter() {
      if (isLax && padding()) return MORE
      if (held.length < 2) return MORE
      // The end of the first boundary's line says how lines end in all of the message (X-Road's reader also
      // takes LF).
      if (isLax && parts === 0 && held[0] === LF) [lineEnd, delimiter] = ['\n', delimiterAfter('\n')]
      if (held[0] === DASH && held[1] === DASH) {
        held = held.subarray(2)
        state = 'epilogue'
      } else if (held[0] === lineEnd.charCodeAt(0) && (lineEnd.length === 1 || held[1] === LF)) {
        state = 'headers'
      } else {
        throw malformed('a boundary is followed by neither a line end nor two dashes')
      }
      return undefined
    },
    // The line end of the delimiter is still held, so that a part without headers is found as the same two
    // line ends.
    headers() {
      const end = held.indexOf(lineEnd + lineEnd)
      // Their end may begin within what is held, whatever the pieces in which it came.
      const least = end < 0 ? held.length - 2 * lineEnd.length + 1 : end
      if (least > q.limits.maxHeaderBytes) throw malformed('part headers are too long')
      if (end < 0) return MORE
      if (parts === q.limits.maxParts) throw malformed('too many parts')
      const written = held.toString('latin1', Math.min(lineEnd.length, end), end)
      part = q.onPart(readPartHeaders(written, isLax, lineEnd), parts++)
      held = held.subarray(end + lineEnd.length)
      state = 'body-start'
      return undefined
    },
    // Readers differ on whether the empty line may also begin the next delimiter: refused.
    'body-start'() {
      if (!beginsAlike(held, delimiter)) {
        held = held.subarray(lineEnd.length)
        state = 'body'
        return undefined
      }
      if (held.length < delimiter.length) return MORE
      throw malformed('a part has no body')
    },
    body() {
      const at = held.indexOf(delimiter)
      if (at >= 0) {
        const [ending, last] = [part as PartHandler, held.subarray(0, at)]
        held = held.subarray(at + delimiter.length)
        state = 'delimiter'
        padded = 0
        const written = last.length === 0 ? undefined : ending.write(last)
        return (written === undefined ? ending.end() : written.then(() => ending.end())) ?? undefined
      }
      const free = held.length - possibleStart(held, delimiter)
      const data = held.subarray(0, free)
      held = held.subarray(free)
      return (data.length === 0 ? undefined : (part as PartHandler).write(data)) ?? MORE
    },
    epilogue() {
      epilogue += held.length
      if (epilogue > MAX_AROUND || (!isLax && !held.every((byte) => WHITE_SPACE.has(byte)))) {
        throw malformed('something follows the end of the message')
      }
      held = EMPTY
      return MORE
    },
  }

  /** The first boundary begins the body or a line of it, whatever ends the line before. */
  function preamble(opening: Buffer): typeof MORE | undefined {
    const first = beginsAlike(held, opening) ? 0 : held.indexOf(delimiter.subarray(1)) + 1
    if (first === 0 && held.length < opening.length) return MORE
    const isFound = first > 0 || beginsAlike(held, opening)
    if ((isFound ? first : held.length - opening.length) > MAX_AROUND)
      throw malformed('the body does not begin with its boundary')
    if (!isFound) return MORE
    held = held.subarray(first + opening.length)
    state = 'delimiter'
    return undefined
  }

  /** Takes off spaces behind a boundary (RFC 2046 5.1.1); true when more of them may come. */
  function padding(): boolean {
    let at = 0
    while (held[at] === 0x20 || held[at] === 0x09) at++
    padded += at
    if (padded > MAX_PADDING) throw malformed('a boundary is followed by neither a line end nor two dashes')
    held = held.subarray(at)
    return held.length === 0
  }

  const run = (): void | Promise<void> => {
    for (;;) {
      const outcome = steps[state]()
      if (outcome === MORE) return
      if (outcome !== undefined) return outcome.then(run)
    }
  }

  return {
    push(chunk) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      return run()
    },
    finish() {
      if (state !== 'epilogue') throw malformed('the body ends before its close delimiter')
    },
  }
}

function beginsAlike(bytes: Buffer, wanted: Buffer): boolean {
  const length = Math.min(bytes.length, wanted.length)
  return bytes.compare(wanted, 0, length, 0, length) === 0
}

/** How many bytes at the end of `held` may begin a delimiter: it has its first byte, CR or LF, only once. */
function possibleStart(held: Buffer, delimiter: Buffer): number {
  const from = held.lastIndexOf(delimiter[0] as number)
  const length = held.length - from
  return from >= 0 && length < delimiter.length && beginsAlike(held.subarray(from), delimiter) ? length : 0
}

const KNOWN_HEADERS = 64
const LONGEST_KNOWN = 200
/** Part headers that were read before: nearly all messages have the same few. */
const known = new Map<string, ReadonlyMap<string, string>>()

function readPartHeaders(written: string, isLax: boolean, lineEnd: string): ReadonlyMap<string, string> {
  const lines = lineEnd === '\n' ? written.replaceAll('\n', '\r\n') : written
  // A line that begins with white space goes on with the one before it; the white space is the value's (RFC
  // 5322 2.2.3).
  const text = isLax ? lines.replace(/\r\n(?=[\t ])/g, '') : lines
  const before = known.get(text)
  if (before !== undefined) return before
  const headers = parsePartHeaders(text)
  if (text.length <= LONGEST_KNOWN) {
    if (known.size === KNOWN_HEADERS) known.clear()
    known.set(text, headers)
  }
  return headers
}

function parsePartHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of text === '' ? [] : text.split('\r\n')) {
    if (!HEADER.test(line)) throw malformed('a part header is malformed')
    const colon = line.indexOf(':')
    const lower = line.slice(0, colon).toLowerCase()
    if (headers.has(lower)) throw malformed(`the part header ${lower} is repeated`)
    headers.set(lower, trimmed(line.slice(colon + 1)))
  }
  return headers
}

// Optional white space of RFC 9110 alone; String.trim takes more, an expression can take quadratic time.
function trimmed(value: string): string {
  let [from, to] = [0, value.length]
  while (from < to && (value[from] === ' ' || value[from] === '\t')) from++
  while (to > from && (value[to - 1] === ' ' || value[to - 1] === '\t')) to--
  return value.slice(from, to)
}

function malformed(what: string): Fault {
  return new Fault('mime_parsing_failed', { what })
}
