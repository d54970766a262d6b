/**
 * JSON.parse for what others wrote. That of V8 14.6 has a fault: once a process has read an object with a name that is one backslash,
 * it reads every name that is one escape ("\u0062", "\n") as a backslash too, where the names before it are the same. So one message
 * could change how the next one is judged.
 */
import { parseStrictJson } from './strict-json.ts'

/** In names alone; the same characters in the middle of a text only cost time. */
const ONE_ESCAPE_AS_NAME = /"\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})"[ \t\n\r]*:/
const MAX_DEPTH = 256

/** As JSON.parse; a text with such a name is read by `parseStrictJson` instead. Throws for what is not JSON. */
export function parseJson(text: string): unknown {
  if (!text.includes('\\') || !ONE_ESCAPE_AS_NAME.test(text)) return JSON.parse(text)
  return parseStrictJson(text, { maxLength: text.length, maxDepth: MAX_DEPTH, number: Number })
}
