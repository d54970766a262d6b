/**
 * Many texts in one piece of memory: a large instance has some hundred thousand, each of which would be an
 * object on the heap. A text is found by its number or, with the order of `sortedNumbers`, by its value.
 */

export type TextTable = {
  /** UTF-8, one after the other. */
  bytes: Uint8Array<ArrayBuffer>
  /** The end offset of each text. */
  ends: Uint32Array<ArrayBuffer>
}

/** This byte never occurs in UTF-8: it marks an absent text. */
const ABSENT = 0xff

const encoder = new TextEncoder()

/** A table of the texts in their order; undefined stays undefined. */
export function tableOf(texts: readonly (string | undefined)[]): TextTable {
  const ends = new Uint32Array(texts.length)
  // If all texts are ASCII, byte length equals text length; the placeholder of an absent text is ASCII too.
  const joined = texts.map((text) => text ?? '-').join('')
  const size = Buffer.byteLength(joined)
  const isAscii = size === joined.length
  const bytes = new Uint8Array(size)
  encoder.encodeInto(joined, bytes)
  let end = 0
  texts.forEach((text, at) => {
    if (text === undefined) bytes[end] = ABSENT
    end += text === undefined ? 1 : isAscii ? text.length : Buffer.byteLength(text)
    ends[at] = end
  })
  return { bytes, ends }
}

/** The text with this number. */
export function textAt({ bytes, ends }: TextTable, at: number): string | undefined {
  const from = beginOf(ends, at)
  const to = ends[at]!
  if (bytes[from] === ABSENT && to > from) return undefined
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString()
}

/** The numbers `from` to `to`, sorted by their texts, which must be ASCII. */
export function sortedNumbers(
  texts: readonly string[],
  from = 0,
  to = texts.length,
): Uint32Array<ArrayBuffer> {
  const numbers = Array.from({ length: to - from }, (_, at) => from + at)
  // For ASCII the order of code units is the order of bytes.
  numbers.sort((a, b) => (texts[a]! < texts[b]! ? -1 : texts[a]! > texts[b]! ? 1 : 0))
  return Uint32Array.from(numbers)
}

/** The position in `sorted` of the first text that is not less than `text`, and whether it equals `text`. */
export function placeOf(
  table: TextTable,
  sorted: Uint32Array,
  text: string,
  from = 0,
  to = sorted.length,
): { at: number; isThere: boolean } {
  const wanted = Buffer.from(text)
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (Buffer.compare(bytesAt(table, sorted[middle]!), wanted) < 0) low = middle + 1
    else high = middle
  }
  return { at: low, isThere: low < to && Buffer.compare(bytesAt(table, sorted[low]!), wanted) === 0 }
}

function bytesAt({ bytes, ends }: TextTable, at: number): Uint8Array {
  return bytes.subarray(beginOf(ends, at), ends[at]!)
}

function beginOf(ends: Uint32Array, at: number): number {
  return at === 0 ? 0 : ends[at - 1]!
}
