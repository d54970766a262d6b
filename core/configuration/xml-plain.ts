/**
 * Reads XML in the form in which central servers write it, several times faster than the library: it gives the same elements,
 * or none at all. Everything unusual (a comment, CDATA, another quote, a namespace further in, a numeric reference,
 * anything malformed) gives none, so that the library alone says what is refused, and why.
 */
import type { XmlDocument, XmlElement } from './xml-tree.ts'
import { IDENTIFIERS_NAMESPACE, XROAD_NAMESPACE } from './xml-write.ts'

type PlainBounds = { depth: number; elements: number; attributes: number }

type Name = { name: string; namespace: string }
type Content = Pick<XmlDocument, 'next'> & { text: string }

const DECLARATION = /^<\?xml version="1\.0" encoding="UTF-8"(?: standalone="(?:yes|no)")?\?>\n?</
// XML 1.0 section 2.2; the carriage return, which section 2.11 changes; the byte order mark, which the library leaves out where a
// text begins with it. Section 2.4 forbids the end of CDATA.
const UNUSUAL = /[\u0000-\u0008\u000b-\u001f\ufeff\ufffe\uffff]/
const END_OF_CDATA = ']]>'
const ROOT = /<([A-Za-z0-9:]{1,64})((?: [A-Za-z0-9:]{1,64}="[^"<&\n\t]{0,256}")*)(\/?)>/y
const ATTRIBUTE = / ([A-Za-z0-9:]+)="([^"]*)"/g
const NAME = /^(?:([A-Za-z][A-Za-z0-9]*):)?([A-Za-z][A-Za-z0-9]*)$/
const DECLARED_PREFIX = /^xmlns:((?![xX][mM][lL])[A-Za-z][A-Za-z0-9]*)$/
const NAMESPACES: readonly string[] = [XROAD_NAMESPACE, IDENTIFIERS_NAMESPACE]
const REFERENCE = /&(?:(amp|lt|gt|quot|apos);)?/g
const REFERRED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const MAX_NAME = 64
const MAX_VALUE = 256
/** V8 copies shorter pieces of a string; a longer one keeps the string that it was cut from. */
const SHARED_FROM = 13

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()
/** Of most elements; nobody adds to the children of an element that was read. */
const NO_CHILDREN: XmlElement[] = []
const NO_CONTENT: Content = { text: '', next: () => undefined }
const [LINE, TAB, SPACE, QUOTE, AND, SLASH, COLON, LESS, EQUALS, GREATER] = [...'\n\t "&/:<=>'].map(
  (character) => character.charCodeAt(0),
) as [number, number, number, number, number, number, number, number, number, number]

/** Thrown inside, never out. */
const NOT_PLAIN = Symbol('not plain')

/** What `read` makes of a UTF-8 document without NUL; undefined where the library has to read it, whatever `read` made of the beginning. */
export function readPlainXml<T>(
  xml: Buffer,
  bounds: PlainBounds,
  read: (document: XmlDocument) => T,
): { value: T } | undefined {
  const start = DECLARATION.exec(xml.toString('latin1', 0, 100))
  if (start === null) return undefined
  const text = xml.toString('utf8')
  if (UNUSUAL.test(text) || text.includes(END_OF_CDATA)) return undefined
  try {
    return { value: readRoot(text, start[0].length - 1, bounds, read) }
  } catch (thrown) {
    if (thrown === NOT_PLAIN) return undefined
    throw thrown
  }
}

function readRoot<T>(text: string, from: number, bounds: PlainBounds, read: (document: XmlDocument) => T): T {
  ROOT.lastIndex = from
  const found = ROOT.exec(text)
  if (found === null) throw NOT_PLAIN
  const [whole, tag, attributeText, closed] = found as unknown as [string, string, string, string]
  const namespaces = new Map<string, string>()
  const own: [string, string][] = []
  const seen = new Set<string>()
  for (const [, name, value] of attributeText.matchAll(ATTRIBUTE) as Iterable<[string, string, string]>) {
    if (seen.has(name)) throw NOT_PLAIN
    seen.add(name)
    const prefix = DECLARED_PREFIX.exec(name)?.[1]
    if (prefix === undefined) own.push([name, value])
    else if (NAMESPACES.includes(value)) namespaces.set(prefix, value)
    else throw NOT_PLAIN
  }
  const reader = createReader(text, namespaces, bounds)
  const attributes = reader.attributesOf(own)
  const root = { ...reader.nameOf(tag), attributes, children: NO_CHILDREN, text: '' }
  const at = from + whole.length
  const content = closed === '/' ? NO_CONTENT : reader.content(tag, at)
  const value = read({ root: { ...root, text: content.text }, next: content.next })
  // Also what nobody wanted to read.
  while (content.next() !== undefined);
  if (!isBlank(text, closed === '/' ? at : reader.end(), text.length)) throw NOT_PLAIN
  return value
}

function createReader(text: string, namespaces: ReadonlyMap<string, string>, bounds: PlainBounds) {
  const names = new Map<string, Name>()
  let elements = 1
  /** Where the last element ended. */
  let end = 0

  /** Declared at the root only, so that a name means the same everywhere. */
  const nameOf = (tag: string): Name => {
    const known = names.get(tag)
    if (known !== undefined) return known
    const parts = NAME.exec(tag)
    if (parts === null) throw NOT_PLAIN
    const [, prefix, name] = parts as unknown as [string, string | undefined, string]
    const namespace = prefix === undefined ? '' : namespaces.get(prefix)
    if (namespace === undefined || /^xml/i.test(name)) throw NOT_PLAIN
    const read = { name: ownText(name), namespace }
    names.set(ownText(tag), read)
    return read
  }

  const attributesOf = (pairs: [string, string][]): ReadonlyMap<string, string> => {
    if (pairs.length === 0) return NO_ATTRIBUTES
    if (pairs.length > bounds.attributes) throw NOT_PLAIN
    const attributes = new Map<string, string>()
    for (const [tag, value] of pairs) {
      const { name, namespace } = nameOf(tag)
      attributes.set(namespace === '' ? name : `{${namespace}}${name}`, ownText(value))
    }
    if (attributes.size !== pairs.length) throw NOT_PLAIN
    return attributes
  }

  /** The name that begins at `from`: `nameOf` says whether it is one. */
  const tagAt = (from: number): string => {
    let to = from
    while (isNameCode(text.charCodeAt(to))) to += 1
    if (to === from || to - from > MAX_NAME) throw NOT_PLAIN
    return text.slice(from, to)
  }

  /** Reads ` name="value"` as often as it stands; `end` is where something else does. */
  const attributesAt = (from: number): ReadonlyMap<string, string> => {
    const pairs: [string, string][] = []
    let at = from
    while (text.charCodeAt(at) === SPACE) {
      const tag = tagAt(at + 1)
      const value = at + 1 + tag.length + 2
      if (text.charCodeAt(value - 2) !== EQUALS || text.charCodeAt(value - 1) !== QUOTE) throw NOT_PLAIN
      at = value
      for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
        if (!isValueCode(code) || at - value > MAX_VALUE) throw NOT_PLAIN
        at += 1
      }
      pairs.push([tag, text.slice(value, at)])
      at += 1
    }
    end = at
    return attributesOf(pairs)
  }

  /** The element whose `<` stands at `from`. */
  const elementAt = (from: number, depth: number): XmlElement => {
    elements += 1
    if (depth > bounds.depth || elements > bounds.elements) throw NOT_PLAIN
    const tag = tagAt(from + 1)
    let at = from + 1 + tag.length
    let attributes = NO_ATTRIBUTES
    if (text.charCodeAt(at) === SPACE) {
      attributes = attributesAt(at)
      at = end
    }
    if (text.charCodeAt(at) === GREATER) return contentAt(tag, attributes, at + 1, depth)
    if (text.charCodeAt(at) !== SLASH || text.charCodeAt(at + 1) !== GREATER) throw NOT_PLAIN
    end = at + 2
    const { name, namespace } = nameOf(tag)
    return { name, namespace, attributes, children: NO_CHILDREN, text: '' }
  }

  /** What follows the start tag that ended before `from`: text alone, or elements with white space around each. */
  const contentAt = (
    tag: string,
    attributes: ReadonlyMap<string, string>,
    from: number,
    depth: number,
  ): XmlElement => {
    const { name, namespace } = nameOf(tag)
    let children = NO_CHILDREN
    let content = ''
    let at = from
    for (;;) {
      const next = text.indexOf('<', at)
      if (next === -1) throw NOT_PLAIN
      if (text.charCodeAt(next + 1) === SLASH) {
        if (children.length === 0) content = textBetween(at, next)
        else if (!isBlank(text, at, next)) throw NOT_PLAIN
        at = next + 2
        break
      }
      if (!isBlank(text, at, next)) throw NOT_PLAIN
      const child = elementAt(next, depth + 1)
      if (children === NO_CHILDREN) children = [child]
      else children.push(child)
      at = end
    }
    endTag(tag, at)
    return { name, namespace, attributes, children, text: content }
  }

  /** After `</` comes the name with which it began. */
  const endTag = (tag: string, from: number): void => {
    end = from + tag.length + 1
    if (!text.startsWith(tag, from) || text.charCodeAt(end - 1) !== GREATER) throw NOT_PLAIN
  }

  /** Of the root, whose elements are read when they are asked for. */
  const rootContent = (tag: string, from: number): Content => {
    let at = from
    let isOver = false
    const next = (): XmlElement | undefined => {
      if (isOver) return undefined
      const begin = text.indexOf('<', at)
      if (begin === -1 || !isBlank(text, at, begin)) throw NOT_PLAIN
      isOver = text.charCodeAt(begin + 1) === SLASH
      if (isOver) {
        endTag(tag, begin + 2)
        return undefined
      }
      const child = elementAt(begin, 2)
      at = end
      return child
    }
    const first = text.indexOf('<', from)
    if (first === -1 || text.charCodeAt(first + 1) !== SLASH) return { text: '', next }
    const content = textBetween(from, first)
    at = first
    return { text: content, next }
  }

  const textBetween = (from: number, to: number): string => {
    if (from === to) return ''
    // White space alone is the library's to keep or to leave out.
    if (isBlankCode(text.charCodeAt(from)) && isBlank(text, from, to)) throw NOT_PLAIN
    const raw = text.slice(from, to)
    return raw.includes('&') ? raw.replace(REFERENCE, referred) : ownText(raw)
  }

  return {
    nameOf,
    attributesOf,
    content: rootContent,
    /** Where what was read last ended. */
    end: () => end,
  }
}

function referred(_: string, name: string | undefined): string {
  if (name === undefined) throw NOT_PLAIN
  return REFERRED[name] as string
}

/** A string of its own: a piece of the document would keep all of it in memory. */
function ownText(piece: string): string {
  return piece.length < SHARED_FROM ? piece : Buffer.from(piece).toString()
}

function isBlank(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (!isBlankCode(text.charCodeAt(at))) return false
  return true
}

function isBlankCode(code: number): boolean {
  return code === SPACE || code === LINE || code === TAB
}

/** Letters, digits and the colon of ASCII. */
function isNameCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 58 && code <= COLON)
  )
}

/** May stand in an attribute's value as it is. False for the NaN after the end. */
function isValueCode(code: number): boolean {
  return code >= SPACE && code !== LESS && code !== AND
}
