/**
 * Goes through the octets of a JSON text by RFC 8259 without making values of them: for those who need places
 * in the text. Accepts what JSON.parse accepts, whatever the depth.
 */

/** The text is not JSON. It says nothing of the text. */
export class NotJson extends Error {}

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const COLON = 0x3a
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const ESCAPABLE = new Set(Buffer.from('"\\/bfnrt'))
const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]))

const SHALLOW = 1024
/** The brackets that close what is open, of the one text that is gone through at a time. */
let closing = new Uint8Array(SHALLOW)

/**
 * The place behind white space. What stands behind the end of a text is undefined, which no comparison takes
 * for anything.
 */
export function skipSpace(text: Uint8Array, from: number): number {
  let at = from
  for (;;) {
    const octet = text[at]!
    if (octet > 0x20 || (octet !== 0x20 && octet !== 0x0a && octet !== 0x0d && octet !== 0x09)) return at
    at++
  }
}

/** The place behind the string that begins at `from`. */
export function endOfString(text: Uint8Array, from: number): number {
  if (text[from] !== QUOTE) throw new NotJson()
  let at = from + 1
  for (;;) {
    const octet = text[at]!
    if (octet === QUOTE) return at + 1
    if (octet === BACKSLASH) at = endOfEscape(text, at)
    else if (octet >= 0x20) at++
    else throw new NotJson()
  }
}

/** The place of the value behind the name that ends at `from`. */
export function skipColon(text: Uint8Array, from: number): number {
  const at = text[from] === COLON ? from : skipSpace(text, from)
  if (text[at] !== COLON) throw new NotJson()
  return skipSpace(text, at + 1)
}

/** The place behind the value that begins at `from`. */
export function endOfValue(text: Uint8Array, from: number): number {
  const first = text[from]
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) return endOfSingle(text, from)
  const end = endOfBrackets(text, from)
  if (closing.length > SHALLOW) closing = new Uint8Array(SHALLOW)
  return end
}

/** How many names of members a text that is JSON has, and how many brackets are open at most at a time. */
export function countNames(text: Uint8Array): { names: number; depth: number } {
  let [names, depth, open] = [0, 0, 0]
  for (let at = 0; at < text.length; ) {
    const octet = text[at]
    if (octet === QUOTE) {
      at = endOfString(text, at)
      continue
    }
    if (octet === COLON) names++
    else if (octet === OPEN_OBJECT || octet === OPEN_LIST) {
      open++
      if (open > depth) depth = open
    } else if (octet === CLOSE_OBJECT || octet === CLOSE_LIST) open--
    at++
  }
  return { names, depth }
}

function endOfBrackets(text: Uint8Array, from: number): number {
  let at = from
  let depth = 0
  for (;;) {
    const octet = text[at]
    if (octet === OPEN_OBJECT || octet === OPEN_LIST) {
      const close = octet === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST
      at = skipSpace(text, at + 1)
      if (text[at] !== close) {
        if (depth === closing.length) closing = grown(closing)
        closing[depth++] = close
        if (close === CLOSE_OBJECT) at = skipColon(text, endOfString(text, at))
        continue
      }
      at++
    } else at = endOfSingle(text, at)
    for (;;) {
      if (depth === 0) return at
      at = skipSpace(text, at)
      const close = closing[depth - 1]
      if (text[at] === COMMA) {
        at = skipSpace(text, at + 1)
        if (close === CLOSE_OBJECT) at = skipColon(text, endOfString(text, at))
        break
      }
      if (text[at] !== close) throw new NotJson()
      at++
      depth--
    }
  }
}

function grown(stack: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(stack.length * 2)
  larger.set(stack)
  return larger
}

/** The place behind a string, a number or a literal. */
function endOfSingle(text: Uint8Array, at: number): number {
  const octet = text[at]
  if (octet === QUOTE) return endOfString(text, at)
  if (octet === MINUS || isDigit(octet)) return endOfNumber(text, at)
  const word = LITERALS.get(octet ?? 0)
  if (word === undefined) throw new NotJson()
  for (let i = 0; i < word.length; i++) if (text[at + i] !== word[i]) throw new NotJson()
  return at + word.length
}

function endOfNumber(text: Uint8Array, from: number): number {
  let at = text[from] === MINUS ? from + 1 : from
  at = text[at] === 0x30 ? at + 1 : endOfDigits(text, at)
  if (text[at] === POINT) at = endOfDigits(text, at + 1)
  if (text[at] === 0x65 || text[at] === 0x45) {
    at++
    if (text[at] === 0x2b || text[at] === MINUS) at++
    at = endOfDigits(text, at)
  }
  return at
}

/** At least one digit. */
function endOfDigits(text: Uint8Array, from: number): number {
  let at = from
  while (isDigit(text[at])) at++
  if (at === from) throw new NotJson()
  return at
}

function isDigit(octet: number | undefined): boolean {
  return octet !== undefined && octet >= 0x30 && octet <= 0x39
}

function endOfEscape(text: Uint8Array, at: number): number {
  const octet = text[at + 1] ?? 0
  if (ESCAPABLE.has(octet)) return at + 2
  if (octet !== 0x75) throw new NotJson()
  for (let i = at + 2; i < at + 6; i++) if (!isHex(text[i] ?? 0)) throw new NotJson()
  return at + 6
}

function isHex(octet: number): boolean {
  const lower = octet | 0x20
  return isDigit(octet) || (lower >= 0x61 && lower <= 0x66)
}
