/**
 * Reads JSON that has one meaning: a name that is twice in an object is taken from the first place by some readers and from the last
 * by others, so that what was judged would not be what the system reads.
 */

import { parseJson } from '#core/canonical/parse-json.ts'

/** More would be too many calls in each other for a schema that refers to itself. */
const MAX_DEPTH = 256

type ReadJson = { value: unknown } | { wrong: string }

export function readJson(bytes: Uint8Array): ReadJson {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = parseJson(text)
  } catch {
    return { wrong: 'it is not JSON in UTF-8' }
  }
  const wrong = whyAmbiguous(text)
  return wrong === undefined ? { value } : { wrong }
}

/** One pass over the strings and brackets of a text that is JSON. */
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
