/**
 * Takes a JSON text apart without printing anything anew: a member or an item is the text as it was written.
 */
import { isUtf8 } from 'node:buffer'
import { endOfValue as endInOctets, NotJson, skipSpace } from '#core/canonical/json-text.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'

const MAX_DEPTH = 64
const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
const SPACE = 0x20

type TextLimits = {
  maxBytes: number
  /**
   * For what was taken by a version that let it pass: an object may have a name twice below the first level.
   */
  mayDouble?: boolean | undefined
}

/**
 * The text of bytes that are JSON in UTF-8, without a byte order mark, at most 64 levels deep, and no name
 * twice in any object: of two readers one would take the first value and one the last. Else `malformed_json`.
 */
export function jsonText(bytes: Buffer, { maxBytes, mayDouble = false }: TextLimits): string {
  if (bytes.length > maxBytes) throw malformed(`it has over ${maxBytes} bytes`)
  if (!isUtf8(bytes)) throw malformed('it is not UTF-8')
  if (!isJson(bytes)) throw malformed('it is not JSON')
  const text = bytes.toString('utf8')
  const found = goThrough(text)
  if (found.depth > MAX_DEPTH) throw malformed(`it is deeper than ${MAX_DEPTH} levels`)
  if (found.isDoubled && !mayDouble) throw malformed('a member is doubled')
  return text
}

/** Whether an object of this text, which is JSON, has a name twice. */
export function hasDoubledName(text: string): boolean {
  return goThrough(text).isDoubled
}

/** Whether bytes are JSON in UTF-8 that can stand in a document as they are, without space around them. */
export function isJsonValue(bytes: Buffer): boolean {
  try {
    const text = jsonText(bytes, { maxBytes: bytes.length })
    return text.trim().length === text.length
  } catch {
    return false
  }
}

/**
 * The members of an object by name, each with its text; undefined for another value. A doubled name is
 * `malformed_json`, and so are more than `maxMembers`.
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

/**
 * The texts of the items of a list; undefined for another value. More than `maxItems` are `malformed_json`.
 */
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
  const close = open === '{' ? CLOSE_OBJECT : CLOSE_LIST
  for (;;) {
    at = afterSpace(text, at + 1)
    if (text.charCodeAt(at) === close) return true
    let name = ''
    if (open === '{') {
      const end = endOfString(text, at)
      name = parseStrictJson(text.slice(at, end)) as string
      at = afterSpace(text, afterSpace(text, end) + 1)
    }
    const end = endOfValue(text, at)
    take(name, text.slice(at, end))
    at = afterSpace(text, end)
    if (text.charCodeAt(at) === close) return true
  }
}

/** The text is known to be JSON. */
function endOfValue(text: string, from: number): number {
  let at = from
  let open = 0
  do {
    const code = text.charCodeAt(at)
    if (code === OPEN_OBJECT || code === OPEN_LIST) open++
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) open--
    else if (code === QUOTE) at = endOfString(text, at) - 1
    else if (open === 0) return endOfBare(text, at)
    at++
  } while (open > 0)
  return at
}

/** Of a number or a literal. */
function endOfBare(text: string, from: number): number {
  for (let at = from; ; at++) {
    const code = text.charCodeAt(at)
    // Also behind the end of the text, where there is none.
    if (!(code > SPACE) || code === COMMA || code === CLOSE_OBJECT || code === CLOSE_LIST) return at
  }
}

function endOfString(text: string, from: number): number {
  let at = from + 1
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at))
    at += code === BACKSLASH ? 2 : 1
  return at + 1
}

function afterSpace(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) <= SPACE) at++
  return at
}

function isJson(bytes: Buffer): boolean {
  try {
    return skipSpace(bytes, endInOctets(bytes, skipSpace(bytes, 0))) === bytes.length
  } catch (cause) {
    if (cause instanceof NotJson) return false
    throw cause
  }
}

/**
 * How deep a text is that is JSON, and whether an object in it has a name twice, however it is written. In
 * one pass.
 */
function goThrough(text: string): { depth: number; isDoubled: boolean } {
  /**
   * Of each object that is open: its only name so far, or all of them. Most objects of a large text have few.
   */
  const open: (string | Set<string> | undefined)[] = []
  const found = { depth: 0, isDoubled: false }
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === OPEN_OBJECT || code === OPEN_LIST) found.depth = Math.max(found.depth, open.push(undefined))
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) open.pop()
    else if (code === QUOTE) {
      const end = endOfString(text, at)
      // In JSON a colon stands only behind a name.
      if (text.charCodeAt(afterSpace(text, end)) === COLON) {
        const names = open.at(-1)
        const name = nameIn(text.slice(at, end))
        if (names === undefined) open[open.length - 1] = name
        else if (names === name || (typeof names !== 'string' && names.has(name))) found.isDoubled = true
        else if (typeof names === 'string') open[open.length - 1] = new Set([names, name])
        else names.add(name)
      }
      at = end - 1
    }
  }
  return found
}

function nameIn(written: string): string {
  if (!written.includes('\\')) return written.slice(1, -1)
  return parseStrictJson(written, { maxLength: written.length, mayBeIllFormed: true }) as string
}

function malformed(what: string): Fault {
  return new Fault('malformed_json', { what })
}
