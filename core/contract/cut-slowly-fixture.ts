/**
 * For tests only: cuts as cut-json.ts does, but slowly and simply. JSON.parse says whether the text is JSON,
 * and then the characters are gone through.
 */
import { type AllowedFields, allowedInItem, pointerBelow } from './allowed-fields.ts'
import { createRemovedFields, type RemovedFields } from './removed-fields.ts'

type Cut = { bytes: Buffer; removed: RemovedFields }

/** Lists in lists; a document that needs more is refused. */
const MAX_DEPTH = 64
const NAME_CHARACTERS = /[-+.\w]/

type Scan = {
  text: string
  at: number
  /** Up to where the text was copied or left out. */
  done: number
  kept: string[]
  removed: ReturnType<typeof createRemovedFields>
}

class TooDeep extends Error {}

/** Why the text cannot be held against the fields, or what is left of it. */
export function cutSlowly(bytes: Buffer, allowed: AllowedFields): Cut | { unreadable: string } {
  let text: string
  try {
    // A byte order mark stays, so that JSON.parse refuses it: not every reader skips it.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    // From here on the text is known to be JSON.
    JSON.parse(text)
  } catch {
    return { unreadable: 'it is not JSON in UTF-8' }
  }
  const scan: Scan = { text, at: 0, done: 0, kept: [], removed: createRemovedFields() }
  try {
    skipSpace(scan)
    if (!cutValue(scan, allowed, '', 0)) return { unreadable: 'it is a single value, no object or list' }
  } catch (cause) {
    if (cause instanceof TooDeep) return { unreadable: `it has more than ${MAX_DEPTH} levels` }
    throw cause
  }
  const removed = scan.removed.told()
  if (removed.count === 0) return { bytes, removed }
  scan.kept.push(text.slice(scan.done))
  return { bytes: Buffer.from(scan.kept.join('')), removed }
}

/** Reads the value at `at` and cuts within it. False: it is itself not allowed, and stands there uncut. */
function cutValue(scan: Scan, allowed: AllowedFields, pointer: string, depth: number): boolean {
  if (depth > MAX_DEPTH) throw new TooDeep()
  const first = scan.text[scan.at]
  // Null says only that there is nothing.
  if (allowed.all || first === 'n') {
    skipValue(scan)
    return true
  }
  if (first === '{') {
    cutMembers(scan, '}', () => {
      const name = readName(scan)
      const below = allowed.below.get(name)
      const place = pointerBelow(pointer, name)
      return below === undefined ? drop(scan, place) : cutValue(scan, below, place, depth + 1) || place
    })
    return true
  }
  if (first === '[') {
    let index = 0
    cutMembers(scan, ']', () => {
      const item = allowedInItem(allowed, index++)
      return cutValue(scan, item, pointer, depth + 1) || `${pointer}/*`
    })
    return true
  }
  skipValue(scan)
  return false
}

function drop(scan: Scan, place: string): string {
  skipValue(scan)
  return place
}

/**
 * Goes through an object or a list. `read` reads one member and returns true, or the place of one that has to
 * go. With a member goes the comma before it, or behind it if no member before it stays.
 */
function cutMembers(scan: Scan, close: '}' | ']', read: () => true | string): void {
  scan.at++
  skipSpace(scan)
  let isFirst = true
  let before = scan.at
  while (scan.text[scan.at] !== close) {
    const start = scan.at
    const place = read()
    const end = scan.at
    skipSpace(scan)
    if (scan.text[scan.at] === ',') {
      scan.at++
      skipSpace(scan)
    }
    if (place === true) isFirst = false
    else {
      scan.removed.add(place)
      leaveOut(scan, isFirst ? start : before, isFirst ? scan.at : end)
    }
    before = end
  }
  scan.at++
}

function leaveOut(scan: Scan, from: number, to: number): void {
  if (from > scan.done) scan.kept.push(scan.text.slice(scan.done, from))
  scan.done = to
}

/** The name of a member, and the colon behind it. */
function readName(scan: Scan): string {
  const start = scan.at
  skipString(scan)
  const raw = scan.text.slice(start, scan.at)
  skipSpace(scan)
  scan.at++
  skipSpace(scan)
  return raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1)
}

function skipValue(scan: Scan): void {
  const { text } = scan
  let open = 0
  do {
    const character = text[scan.at]!
    if (character === '"') skipString(scan)
    else if (NAME_CHARACTERS.test(character)) {
      do scan.at++
      while (scan.at < text.length && NAME_CHARACTERS.test(text[scan.at]!))
    } else {
      if (character === '{' || character === '[') open++
      else if (character === '}' || character === ']') open--
      scan.at++
    }
  } while (open > 0)
}

function skipString(scan: Scan): void {
  const { text } = scan
  let end = scan.at
  do end = text.indexOf('"', end + 1)
  while (isEscaped(text, end))
  scan.at = end + 1
}

function isEscaped(text: string, quote: number): boolean {
  let slashes = 0
  while (text[quote - 1 - slashes] === '\\') slashes++
  return slashes % 2 === 1
}

function skipSpace(scan: Scan): void {
  const { text } = scan
  for (;;) {
    const code = text.charCodeAt(scan.at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
    scan.at++
  }
}
