/**
 * Cuts out of a JSON text what a contract does not allow, in one pass over its octets. What stays is the text
 * as it was written: a number keeps its digits, since nothing is parsed and printed again.
 */
import { isUtf8 } from 'node:buffer'
import { endOfString, endOfValue, NotJson, skipColon, skipSpace } from '#core/canonical/json-text.ts'
import { type AllowedFields, pointerBelow } from './allowed-fields.ts'
import { type FieldNames, fieldNames, itemNames, nameAt } from './field-names.ts'
import { createRemovedFields, type RemovedFields } from './removed-fields.ts'

/** `bytes` are the given ones when nothing had to go. */
export type Cut = { bytes: Buffer; removed: RemovedFields }

/** Lists in lists; a document that needs more is refused. */
const MAX_DEPTH = 64
/**
 * Names outside the contract that are known again at one place, so that a field of each item of a list is
 * looked up once.
 */
const MOST_KNOWN = 8
/**
 * Rules of items that one document may need: each is made of a contract's fields, whose indexes below indexes
 * multiply.
 */
const MOST_RULES = 2000
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d]
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d]
const [COMMA, NULL] = [0x2c, 0x6e]

/** One place of the document, the items of a list taken together, with what is allowed there. */
type Place = {
  names: FieldNames
  pointer: string
  /** By the number of the name. */
  below: (Place | undefined)[]
  /** Of items for which another rule holds, by index. */
  items: Map<number, Place>
  /** Names that were removed here, as they stand in the text. */
  known: { from: number; to: number }[]
  /** Whether it, or one of its items, was removed itself. */
  isTold: boolean
  isItemTold: boolean
}

type Scan = {
  /** The text as it was given. */
  text: Buffer
  /** What stays is moved to the front of this copy, up to `kept`. */
  copy: Buffer
  kept: number
  /** Up to where the text was moved or left out. */
  done: number
  at: number
  /** How many rules of items were needed. */
  rules: number
  removed: ReturnType<typeof createRemovedFields>
}

/** The text may be JSON all the same. */
class Unheld extends Error {}

/** Why the text cannot be held against the fields, or what is left of it. */
export function cutJson(bytes: Buffer, allowed: AllowedFields): Cut | { unreadable: string } {
  const removed = createRemovedFields()
  const scan: Scan = { text: bytes, copy: bytes, kept: 0, done: 0, at: 0, rules: 0, removed }
  try {
    // A byte order mark is no white space: not every reader skips it.
    if (!isUtf8(bytes)) throw new NotJson()
    scan.at = skipSpace(bytes, 0)
    const isCut = cutWhole(scan, allowed)
    if (skipSpace(bytes, scan.at) < bytes.length) throw new NotJson()
    if (typeof isCut === 'string') return { unreadable: isCut }
  } catch (cause) {
    if (cause instanceof NotJson) return { unreadable: 'it is not JSON in UTF-8' }
    throw cause
  }
  const told = removed.told()
  if (told.count === 0) return { bytes, removed: told }
  keep(scan, bytes.length)
  return { bytes: scan.copy.subarray(0, scan.kept), removed: told }
}

/** A text, which is JSON all the same, that cannot be held against fields: why. */
function cutWhole(scan: Scan, allowed: AllowedFields): true | string {
  const { at: start } = scan
  try {
    const place = placeOf(fieldNames(allowed), '')
    return cutValue(scan, place, 0) || 'it is a single value, no object or list'
  } catch (cause) {
    if (!(cause instanceof Unheld)) throw cause
    scan.at = endOfValue(scan.text, start)
    return cause.message
  }
}

/** Reads the value at `at` and cuts within it. False: it is itself not allowed, and stands there uncut. */
function cutValue(scan: Scan, place: Place, depth: number): boolean {
  if (depth > MAX_DEPTH) throw new Unheld(`it has more than ${MAX_DEPTH} levels`)
  const first = scan.text[scan.at]
  const isWhole = place.names.all
  if (!isWhole && first === OPEN_OBJECT) cutMembers(scan, place, CLOSE_OBJECT, depth + 1)
  else if (!isWhole && first === OPEN_LIST) cutMembers(scan, place, CLOSE_LIST, depth + 1)
  else {
    scan.at = endOfValue(scan.text, scan.at)
    // Null says only that there is nothing.
    return isWhole || first === NULL
  }
  return true
}

/**
 * Goes through an object or a list. With a member that goes, goes the comma before it, or behind it if no
 * member before it stays.
 */
function cutMembers(scan: Scan, place: Place, close: number, depth: number): void {
  const { text } = scan
  scan.at = skipSpace(text, scan.at + 1)
  if (text[scan.at] === close) {
    scan.at++
    return
  }
  let index = 0
  let isFirst = true
  let before = scan.at
  for (;;) {
    const start = scan.at
    const stays =
      close === CLOSE_OBJECT ? cutMember(scan, place, depth) : cutItem(scan, place, index++, depth)
    const end = scan.at
    scan.at = skipSpace(text, end)
    const isLast = text[scan.at] !== COMMA
    if (!isLast) scan.at = skipSpace(text, scan.at + 1)
    else if (text[scan.at] !== close) throw new NotJson()
    if (stays) isFirst = false
    else leaveOut(scan, isFirst ? start : before, isFirst ? scan.at : end)
    before = end
    if (!isLast) continue
    scan.at++
    return
  }
}

/** Reads one member and says whether it stays. */
function cutMember(scan: Scan, place: Place, depth: number): boolean {
  const { text, at: from } = scan
  const to = endOfString(text, from)
  scan.at = skipColon(text, to)
  const name = nameAt(place.names, text, from + 1, to - 1)
  if (name === undefined) {
    scan.at = endOfValue(text, scan.at)
    tellName(scan, place, from, to)
    return false
  }
  let below = place.below[name.number]
  if (below === undefined) {
    below = placeOf(name.names, pointerBelow(place.pointer, name.name))
    place.below[name.number] = below
  }
  if (cutValue(scan, below, depth)) return true
  if (below.isTold) scan.removed.again()
  else scan.removed.add(below.pointer)
  below.isTold = true
  return false
}

function cutItem(scan: Scan, place: Place, index: number, depth: number): boolean {
  if (cutValue(scan, itemOf(scan, place, index), depth)) return true
  if (place.isItemTold) scan.removed.again()
  else scan.removed.add(`${place.pointer}/*`)
  place.isItemTold = true
  return false
}

function leaveOut(scan: Scan, from: number, to: number): void {
  if (scan.copy === scan.text) scan.copy = Buffer.from(scan.text)
  keep(scan, from)
  scan.done = to
}

/** Moves what stands before `to` to the rest that stays. */
function keep(scan: Scan, to: number): void {
  if (to <= scan.done) return
  scan.copy.copyWithin(scan.kept, scan.done, to)
  scan.kept += to - scan.done
}

function placeOf(names: FieldNames, pointer: string): Place {
  return { names, pointer, below: [], items: new Map(), known: [], isTold: false, isItemTold: false }
}

function itemOf(scan: Scan, list: Place, index: number): Place {
  const known = list.items.get(index)
  if (known !== undefined) return known
  const names = itemNames(list.names, index)
  if (names === list.names) return list
  if (++scan.rules > MOST_RULES) throw new Unheld(`its items need more than ${MOST_RULES} rules`)
  const item = placeOf(names, list.pointer)
  list.items.set(index, item)
  return item
}

/** Tells of a name outside the contract, which stands in the text with its quotation marks. */
function tellName(scan: Scan, place: Place, from: number, to: number): void {
  const { text, removed } = scan
  const isKnown = place.known.some(
    (one) => one.to - one.from === to - from && isSame(text, one.from, from, to - from),
  )
  if (isKnown) {
    removed.again()
    return
  }
  removed.add(pointerBelow(place.pointer, JSON.parse(text.toString('utf8', from, to)) as string))
  if (place.known.length < MOST_KNOWN) place.known.push({ from, to })
}

function isSame(text: Buffer, one: number, other: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (text[one + i] !== text[other + i]) return false
  return true
}
