/** Takes a JSON text apart without printing anything anew: a member or an item is the text as it was written. */
import { isUtf8 } from 'node:buffer'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'

const MAX_DEPTH = 64
const SPACE = /[ \t\n\r]*/y
/** Of a string, up to its next backslash or its end; a number or a literal. The text is known to be JSON. */
const PLAIN = /[^"\\]*/y
const BARE = /[^\s"[\]{},:]*/y

/** The text of bytes that are JSON in UTF-8, without a byte order mark, at most 64 levels deep; else `malformed_json`. */
export function jsonText(bytes: Buffer, maxBytes: number): string {
  if (bytes.length > maxBytes) throw malformed(`it has over ${maxBytes} bytes`)
  if (!isUtf8(bytes)) throw malformed('it is not UTF-8')
  const text = bytes.toString('utf8')
  // Before JSON.parse, which would build all levels.
  checkDepth(text)
  try {
    JSON.parse(text)
  } catch {
    throw malformed('it is not JSON')
  }
  return text
}

/** Whether bytes are JSON in UTF-8 that can stand in a document as they are, without space around them. */
export function isJsonValue(bytes: Buffer): boolean {
  try {
    const text = jsonText(bytes, bytes.length)
    return text.trim().length === text.length
  } catch {
    return false
  }
}

/**
 * The members of an object by name, each with its text; undefined for another value. A doubled name is `malformed_json`, and so are more
 * than `maxMembers`.
 */
export function membersOf(text: string, maxMembers: number): Map<string, string> | undefined {
  const members = new Map<string, string>()
  const isObject = eachPart(text, '{', (name, part) => {
    if (members.has(name)) throw malformed('a member is doubled')
    if (members.size === maxMembers) throw malformed(`it has over ${maxMembers} members`)
    members.set(name, part)
  })
  return isObject ? members : undefined
}

/** The texts of the items of a list; undefined for another value. More than `maxItems` are `malformed_json`. */
export function itemsOf(text: string, maxItems: number): string[] | undefined {
  const items: string[] = []
  const isList = eachPart(text, '[', (_, part) => {
    if (items.length === maxItems) throw malformed(`it has over ${maxItems} items`)
    items.push(part)
  })
  return isList ? items : undefined
}

function eachPart(text: string, open: '{' | '[', take: (name: string, part: string) => void): boolean {
  let at = afterSpace(text, 0)
  if (text[at] !== open) return false
  const close = open === '{' ? '}' : ']'
  for (;;) {
    at = afterSpace(text, at + 1)
    if (text[at] === close) return true
    let name = ''
    if (open === '{') {
      const end = endOfScalar(text, at)
      name = parseStrictJson(text.slice(at, end)) as string
      at = afterSpace(text, afterSpace(text, end) + 1)
    }
    const end = endOfValue(text, at)
    take(name, text.slice(at, end))
    at = afterSpace(text, end)
    if (text[at] === close) return true
  }
}

function endOfValue(text: string, from: number): number {
  let at = from
  let open = 0
  do {
    const character = text[at]
    if (character === '{' || character === '[') open++
    else if (character === '}' || character === ']') open--
    at = character !== undefined && '{}[],: \t\n\r'.includes(character) ? at + 1 : endOfScalar(text, at)
  } while (open > 0)
  return at
}

function endOfScalar(text: string, from: number): number {
  if (text[from] !== '"') return after(BARE, text, from)
  let at = after(PLAIN, text, from + 1)
  while (text[at] === '\\') at = after(PLAIN, text, at + 2)
  return at + 1
}

function afterSpace(text: string, from: number): number {
  return after(SPACE, text, from)
}

function after(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  pattern.test(text)
  return pattern.lastIndex
}

function checkDepth(text: string): void {
  let open = 0
  let isString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isString) {
      if (code === 0x5c /* \ */) at++
      else if (code === 0x22 /* " */) isString = false
    } else if (code === 0x22) isString = true
    else if (code === 0x7b /* { */ || code === 0x5b /* [ */) {
      if (++open > MAX_DEPTH) throw malformed(`it is deeper than ${MAX_DEPTH} levels`)
    } else if (code === 0x7d || code === 0x5d) open--
  }
}

function malformed(what: string): Fault {
  return new Fault('malformed_json', { what })
}
