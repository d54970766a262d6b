/**
 * Reads JSON that has one meaning: a name that is twice in an object is taken from the first place by some
 * readers and from the last by others, so that what was judged would not be what the system reads.
 */

import { isUtf8 } from 'node:buffer'
import { countNames } from '#core/canonical/json-text.ts'
import { parseJson } from '#core/canonical/parse-json.ts'

/** More would be too many calls in each other for a schema that refers to itself. */
const MAX_DEPTH = 256

type ReadJson = { value: unknown } | { wrong: string }

export function readJson(bytes: Uint8Array): ReadJson {
  const notJson = { wrong: 'it is not JSON in UTF-8' }
  if (!isUtf8(bytes)) return notJson
  // A byte order mark stays, and is refused: not every reader skips it.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  let value: unknown
  try {
    value = parseJson(text)
  } catch {
    // It may have been refused for what is said of it here.
    return isJson(text) ? { wrong: whyAmbiguous(text) ?? notJson.wrong } : notJson
  }
  const { names, depth } = countNames(bytes)
  // Of a name that is twice in an object the value has one.
  if (depth <= MAX_DEPTH && names === membersOf(value)) return { value }
  return { wrong: whyAmbiguous(text) ?? 'a name is twice in an object' }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** How many members the objects in a value have. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) for (const item of value) members += membersOf(item)
  else
    for (const name of Object.keys(value)) members += 1 + membersOf((value as Record<string, unknown>)[name])
  return members
}

/** Which of the two it is, in one pass over the strings and brackets of a text that is JSON. */
function whyAmbiguous(text: string): string | undefined {
  /** The names of each open object; undefined for a list. */
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      const end = endOfString(text, at)
      const names = open.at(-1)
      if (names !== undefined && isName(text, end)) {
        const raw = text.slice(at + 1, end)
        const name = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw
        if (names.has(name)) return 'a name is twice in an object'
        names.add(name)
      }
      at = end
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined)
      if (open.length > MAX_DEPTH) return `it has more than ${MAX_DEPTH} levels`
    } else if (character === '}' || character === ']') open.pop()
  }
  return undefined
}

function endOfString(text: string, start: number): number {
  let end = start
  let slashes = 0
  do {
    end = text.indexOf('"', end + 1)
    slashes = 0
    while (text[end - 1 - slashes] === '\\') slashes++
  } while (slashes % 2 === 1)
  return end
}

/** Whether a colon follows the string. */
function isName(text: string, end: number): boolean {
  let at = end + 1
  while (' \n\r\t'.includes(text[at] ?? 'x')) at++
  return text[at] === ':'
}
