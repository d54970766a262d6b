/**
 * JSON.parse for what others wrote. That of V8 14.6 has a fault: it takes a name that is written with escapes
 * for another one, which was read at that place before, if that is what the text of the name begins with, as
 * long as the name itself is: "a\n" for a and a backslash, "\u0062\n" for a backslash and u. So one message
 * could change how the next one is judged.
 */
import { parseStrictJson } from './strict-json.ts'

const MAX_DEPTH = 256
const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a]
/** What may stand between a name and its colon. */
const BETWEEN = new Set([...' \t\n\r'].map((one) => one.charCodeAt(0)))

/**
 * As JSON.parse, but a text with an escape in a name is read by `parseStrictJson`: no name twice, 256 levels.
 * Throws for what is not JSON.
 */
export function parseJson(text: string): unknown {
  if (!hasEscapedName(text)) return JSON.parse(text)
  const limits = { maxLength: text.length, maxDepth: MAX_DEPTH }
  return parseStrictJson(text, { ...limits, number: Number, mayBeIllFormed: true })
}

/**
 * In JSON a backslash stands only in a string, and a colon only behind one that is a name. What is not JSON
 * nobody reads.
 */
function hasEscapedName(text: string): boolean {
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', at)) {
    while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
    at++
    while (BETWEEN.has(text.charCodeAt(at))) at++
    if (text.charCodeAt(at) === COLON) return true
  }
  return false
}
