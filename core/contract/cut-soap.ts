/**
 * Cuts out of the body of a SOAP message what a contract does not allow. What stays is the text as it was written. A pointer names
 * elements by local name; where an element repeats, it is a list.
 */
import { withSoapDocument } from '#core/transport/soap-document.ts'
import { attributesOf, splitName, type Tag, tagsOf } from '#core/xml/tags.ts'
import { Fault } from '#schemas/fault.ts'
import { type AllowedFields, allowedInItem, pointerBelow } from './allowed-fields.ts'
import type { Cut } from './cut-json.ts'
import { createRemovedFields } from './removed-fields.ts'

const ALL: AllowedFields = { all: true, below: new Map() }
/** A fault is the answer's own word about itself; only its detail can hold fields. */
const OF_FAULTS: AllowedFields = {
  all: false,
  below: new Map(['faultcode', 'faultstring', 'faultactor'].map((name) => [name, ALL])),
}
/** Of elements on the way to an allowed one: what says how they are to be read. */
const KEPT_ATTRIBUTES: ReadonlySet<string> = new Set(['nil', 'type', 'encodingStyle'])

type Scan = {
  text: string
  tags: Tag[]
  /** The tag that is read next. */
  next: number
  done: number
  kept: string[]
  removed: ReturnType<typeof createRemovedFields>
}

/** Why the message cannot be held against the fields, or what is left of it. */
export async function cutSoap(bytes: Buffer, allowed: AllowedFields): Promise<Cut | { unreadable: string }> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    // From here on the text is known to be well-formed, without a document type.
    await withSoapDocument(bytes, () => undefined)
  } catch (cause) {
    if (cause instanceof Fault || cause instanceof TypeError) return { unreadable: 'it is not SOAP in UTF-8' }
    throw cause
  }
  if (/^\ufeff?\s*<\?xml[^>]*encoding\s*=\s*["'](?!utf-8["'])/i.test(text))
    return { unreadable: 'it is not SOAP in UTF-8' }
  const scan: Scan = {
    ...{ text, tags: [...tagsOf(text)], next: 1, done: 0, kept: [] },
    removed: createRemovedFields(),
  }
  while (scan.next < scan.tags.length) {
    const tag = scan.tags[scan.next]!
    if (tag.isEnd) break
    if (splitName(tag.name)[1] === 'Body') cutElement(scan, allowed, '')
    else skipElement(scan)
  }
  const removed = scan.removed.told()
  if (removed.count === 0) return { bytes, removed }
  scan.kept.push(text.slice(scan.done))
  return { bytes: Buffer.from(scan.kept.join('')), removed }
}

/** Cuts within the element whose start tag is next: it is on the way to what is allowed. */
function cutElement(scan: Scan, allowed: AllowedFields, pointer: string): void {
  const tag = scan.tags[scan.next++]!
  cutAttributes(scan, tag, pointer)
  if (tag.isEmpty) return
  const met = new Map<string, number>()
  let at = tag.end
  for (;;) {
    const next = scan.tags[scan.next]!
    cutText(scan, at, next.start, pointer)
    if (next.isEnd) break
    const [, name] = splitName(next.name)
    const index = met.get(name) ?? 0
    met.set(name, index + 1)
    cutChild(scan, { list: belowOf(allowed, name, pointer), index, place: pointerBelow(pointer, name) })
    at = scan.tags[scan.next - 1]!.end
  }
  scan.next++
}

function belowOf(allowed: AllowedFields, name: string, pointer: string): AllowedFields | undefined {
  return pointer === '' && name === 'Fault' ? OF_FAULTS : allowed.below.get(name)
}

function cutChild(
  scan: Scan,
  { list, index, place }: { list: AllowedFields | undefined; index: number; place: string },
): void {
  const item = list === undefined ? undefined : allowedInItem(list, index)
  if (item?.all === true) skipElement(scan)
  else if (item !== undefined && !isText(scan)) cutElement(scan, item, place)
  else {
    const { start } = scan.tags[scan.next]!
    skipElement(scan)
    leaveOut(scan, start, scan.tags[scan.next - 1]!.end)
    scan.removed.add(place)
  }
}

/** Whether the element has characters and no element in it: a value. */
function isText({ text, tags, next }: Scan): boolean {
  const [open, close] = [tags[next]!, tags[next + 1]]
  return !open.isEmpty && close?.isEnd === true && !isBlank(text, open.end, close.start)
}

function cutText(scan: Scan, from: number, to: number, pointer: string): void {
  if (isBlank(scan.text, from, to)) return
  leaveOut(scan, from, to)
  scan.removed.add(`${pointer}/#text`)
}

function cutAttributes(scan: Scan, tag: Tag, pointer: string): void {
  for (const { name, written, at, value } of attributesOf(tag)) {
    const [prefix, local] = splitName(name)
    if (name === 'xmlns' || prefix === 'xmlns' || (prefix !== '' && KEPT_ATTRIBUTES.has(local))) continue
    const end = tag.start + at + value.length + 1
    // With it goes the white space before it.
    leaveOut(scan, end - written.length - 1, end)
    scan.removed.add(`${pointer}/@${local}`)
  }
}

function skipElement(scan: Scan): void {
  let open = 0
  do {
    const tag = scan.tags[scan.next++]!
    if (tag.isEnd) open--
    else if (!tag.isEmpty) open++
  } while (open > 0)
}

function isBlank(text: string, from: number, to: number): boolean {
  return text.slice(from, to).trim() === ''
}

function leaveOut(scan: Scan, from: number, to: number): void {
  if (from > scan.done) scan.kept.push(scan.text.slice(scan.done, from))
  scan.done = to
}
