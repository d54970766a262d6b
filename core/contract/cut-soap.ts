/**
 * Cuts out of a SOAP message what a contract does not allow: of its body, and what stands beside header and
 * body. What stays is the text as it was written. A pointer names elements of the body by local name; where
 * an element repeats, it is a list.
 */
import { withSoapDocument } from '#core/transport/soap-document.ts'
import { attributesOf, namespacesIn, splitName, type Tag, tagsOf } from '#core/xml/tags.ts'
import { Fault } from '#schemas/fault.ts'
import { type AllowedFields, allowedInItem, pointerBelow } from './allowed-fields.ts'
import type { Cut } from './cut-json.ts'
import { createRemovedFields } from './removed-fields.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance'
const ALL: AllowedFields = { all: true, below: new Map() }
const NOTHING: AllowedFields = { all: false, below: new Map() }
/** A fault is the answer's own word about itself; only its detail can hold fields. */
const OF_FAULTS: readonly [string, AllowedFields][] = ['faultcode', 'faultstring', 'faultactor'].map(
  (name) => [name, ALL],
)
/**
 * Of elements on the way to an allowed one: what says how they are to be read, and nothing else of that name.
 */
const KEPT_ATTRIBUTES: ReadonlySet<string> = new Set([
  `{${INSTANCE}}nil`,
  `{${INSTANCE}}type`,
  `{${SOAP}}encodingStyle`,
])
const DECLARATION = /^\ufeff?(?:<\?xml[\s?][^>]*>)?/

type Scan = {
  text: string
  tags: Tag[]
  /** The tag that is read next. */
  next: number
  done: number
  kept: string[]
  removed: ReturnType<typeof createRemovedFields>
}
type Namespaces = ReturnType<typeof namespacesIn>
/** What is cut within: what is allowed there, its place, and the namespaces around it. */
type Within = { allowed: AllowedFields; pointer: string; outer: Namespaces }

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
  cutEnvelope(scan, allowed)
  const removed = scan.removed.told()
  if (removed.count === 0) return { bytes, removed }
  scan.kept.push(text.slice(scan.done))
  return { bytes: Buffer.from(scan.kept.join('')), removed }
}

/** Neither is a field what stands around header and body: comments, too, leave with the document. */
function cutEnvelope(scan: Scan, allowed: AllowedFields): void {
  const { text, tags } = scan
  const envelope = tags[0]!
  cutText(scan, DECLARATION.exec(text)![0].length, envelope.start, '')
  const outer = cutAttributes(scan, envelope, '', new Map())
  let at = envelope.end
  while (scan.next < tags.length) {
    const tag = tags[scan.next]!
    cutText(scan, at, tag.start, '')
    const [, name] = splitName(tag.name)
    if (tag.isEnd) scan.next++
    else if (name === 'Body') cutElement(scan, { allowed, pointer: '', outer })
    else if (name === 'Header') skipElement(scan)
    else cutChild(scan, undefined, { pointer: pointerBelow('', name), outer })
    at = tags[scan.next - 1]!.end
  }
  cutText(scan, at, text.length, '')
}

/** Cuts within the element whose start tag is next: it is on the way to what is allowed. */
function cutElement(scan: Scan, { allowed, pointer, outer }: Within): void {
  const tag = scan.tags[scan.next++]!
  const namespaces = cutAttributes(scan, tag, pointer, outer)
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
    const list = belowOf(allowed, name, pointer)
    const item = list === undefined ? undefined : allowedInItem(list, index)
    cutChild(scan, item, { pointer: pointerBelow(pointer, name), outer: namespaces })
    at = scan.tags[scan.next - 1]!.end
  }
  scan.next++
}

function belowOf(allowed: AllowedFields, name: string, pointer: string): AllowedFields | undefined {
  const below = allowed.below.get(name)
  if (pointer !== '') return below
  // The element of the body is to SOAP what the outer braces are to JSON: without it there is no message.
  if (name !== 'Fault') return below ?? NOTHING
  return { all: below?.all ?? false, below: new Map([...(below?.below ?? []), ...OF_FAULTS]) }
}

function cutChild(
  scan: Scan,
  item: AllowedFields | undefined,
  { pointer, outer }: Pick<Within, 'pointer' | 'outer'>,
): void {
  if (item?.all === true) skipElement(scan)
  else if (item !== undefined && (isOuter(pointer) || !isText(scan)))
    cutElement(scan, { allowed: item, pointer, outer })
  else {
    const { start } = scan.tags[scan.next]!
    skipElement(scan)
    leaveOut(scan, start, scan.tags[scan.next - 1]!.end)
    scan.removed.add(pointer)
  }
}

/** Whether it is the element of the body. */
function isOuter(pointer: string): boolean {
  return pointer.lastIndexOf('/') === 0
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

/** Returns the namespaces within the tag. */
function cutAttributes(scan: Scan, tag: Tag, pointer: string, outer: Namespaces): Namespaces {
  const namespaces = namespacesIn(tag, outer)
  for (const { name, written, at, value } of attributesOf(tag)) {
    const [prefix, local] = splitName(name)
    const isKept = prefix !== '' && KEPT_ATTRIBUTES.has(`{${namespaces.get(prefix)}}${local}`)
    if (name === 'xmlns' || prefix === 'xmlns' || isKept) continue
    const end = tag.start + at + value.length + 1
    // With it goes the white space before it.
    leaveOut(scan, end - written.length - 1, end)
    scan.removed.add(`${pointer}/@${local}`)
  }
  return namespaces
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
