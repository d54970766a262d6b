/**
 * Our own XML reader, synchronous and several times faster than libxml2: elements, namespaces, text. It
 * returns the same, or gives up: at a document type, a processing instruction, an unknown entity, anything
 * malformed, any exceeded limit; in a plain document also at what readers may take differently.
 */
import { isUtf8 } from 'node:buffer'
import { documentOf, type XmlDocument, type XmlElement } from './element.ts'

export type XmlForm = {
  bytes: number
  depth: number
  elements: number
  /** The maximum per element, including namespace declarations. */
  attributes: number
  /**
   * Plain: no comment, CDATA, numeric reference, text between elements, or text of white space only; only
   * these namespaces, declared at the root. The children of the root are read when the caller asks for them.
   */
  plain?: { namespaces: readonly string[] }
}

type Name = { name: string; namespace: string }
type Scope = { namespaces: ReadonlyMap<string, string>; names: Map<string, Name> }
/** A start tag. An empty element has neither content nor an end tag. */
type Tag = { tag: string; scope: Scope; attributes: ReadonlyMap<string, string>; isEmpty: boolean }

const DECLARATION =
  /^<\?xml version=(["'])1\.0\1(?: encoding=(["'])[Uu][Tt][Ff]-8\2)?(?: standalone=(["'])(?:yes|no)\3)?\s?\?>/
// XML 1.0 section 2.2. The byte order mark: the library removes it at the beginning of a text.
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const MARK = '\ufeff'
/** Section 2.4 forbids it in text. */
const END_OF_CDATA = ']]>'
const NAME = /^(?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*)$/
/** An absolute URI without characters that readers treat differently. */
const NAMESPACE =
  /^(?:[A-Za-z][A-Za-z0-9.-]*:(?:\/\/[\w.-]+(?::\d{1,4})?(?:\/[\w:/.~-]*)?|[\w.-][\w:/.-]*)(?:#[\w.-]*)?)?$/
const REFERENCE = /&(?:([a-z]{2,4}|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)?/g
const REFERRED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const MAX_NAME = 64
const MAX_VALUE = 1024
/** V8 copies shorter substrings; a longer one keeps the whole original string in memory. */
const SHARED_FROM = 13
const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()
/** Shared by most elements; nobody adds children to an element that was read. */
const NO_CHILDREN: XmlElement[] = []
const LINE = 0x0a
const TAB = 0x09
const SPACE = 0x20
const QUOTE = 0x22
const AND = 0x26
const APOSTROPHE = 0x27
const SLASH = 0x2f
const LESS = 0x3c
const EQUALS = 0x3d
const GREATER = 0x3e
const EXCLAMATION = 0x21

/** Systems write the same root around every message. Bounds, since strangers write some too. */
const MOST_ROOTS = 32
const LONGEST_ROOT = 2048
const MOST_NAMES = 256
/** Root tags by their text, with the names read below each. What a reader takes depends on its form. */
const knownRoots = new WeakMap<XmlForm, Map<string, Tag>>()

/** Thrown and caught inside this module only. */
const GIVEN_UP = Symbol('given up')

/** The result of `read` for a document; undefined if this reader gives up, even after the beginning. */
export function readStrictXml<T>(
  xml: Buffer,
  form: XmlForm,
  read: (document: XmlDocument) => T,
): { value: T } | undefined {
  if (xml.length > form.bytes || !isUtf8(xml)) return undefined
  const decoded = xml.toString('utf8')
  if (NOT_XML.test(decoded)) return undefined
  // Section 2.11: line ends are normalised to line feeds.
  const lines = decoded.includes('\r') ? decoded.replace(/\r\n?/g, '\n') : decoded
  const isPlain = form.plain !== undefined
  if (isPlain && (lines.includes(MARK) || lines.includes(END_OF_CDATA))) return undefined
  const text = lines.startsWith(MARK) ? lines.slice(1) : lines
  try {
    return { value: readDocument(text, form, read) }
  } catch (thrown) {
    if (thrown === GIVEN_UP) return undefined
    throw thrown
  }
}

function readDocument<T>(text: string, form: XmlForm, read: (document: XmlDocument) => T): T {
  const reader = createReader(text, form)
  const from = reader.skip(DECLARATION.exec(text)?.[0].length ?? 0)
  if (text.charCodeAt(from) !== LESS) throw GIVEN_UP
  if (form.plain === undefined) {
    const root = reader.rootElement(from)
    if (reader.skip(reader.end()) !== text.length) throw GIVEN_UP
    return read(documentOf(root))
  }
  const { root, next } = reader.rootAt(from)
  const value = read({ root, next })
  // Children that `read` did not ask for are checked too.
  while (next() !== undefined);
  if (reader.skip(reader.end()) !== text.length) throw GIVEN_UP
  return value
}

function createReader(text: string, form: XmlForm) {
  const { depth: maxDepth, elements: maxElements, attributes: most, plain } = form
  // In a plain document xml:space cannot occur.
  const outside: Scope = {
    namespaces: new Map(plain === undefined ? [['xml', XML_NAMESPACE]] : []),
    names: new Map(),
  }
  let elements = 0
  /** The position after what was read last. */
  let end = 0

  const skipBlanks = (from: number): number => {
    let at = from
    while (isBlankCode(text.charCodeAt(at))) at += 1
    return at
  }

  /** Returns the position after white space and comments. */
  const skip = (from: number): number => {
    let at = skipBlanks(from)
    while (plain === undefined && text.startsWith('<!--', at)) at = skipBlanks(commentEnd(text, at))
    return at
  }

  /** Returns the text of the name at `from`; `nameOf` checks that it is a name. */
  const tagAt = (from: number): string => {
    let to = from
    while (isNameCode(text.charCodeAt(to))) to += 1
    if (to === from || to - from > MAX_NAME) throw GIVEN_UP
    return text.slice(from, to)
  }

  /** Reads all ` name="value"` pairs at `from`; `end` is the position after them. */
  const pairsAt = (from: number): [string, string][] => {
    const pairs: [string, string][] = []
    for (let at = skipBlanks(from); ; at = skipBlanks(end)) {
      const code = text.charCodeAt(at)
      if (code === GREATER || code === SLASH) {
        end = at
        return pairs
      }
      // White space must come before each pair.
      if (at === end || pairs.length === most) throw GIVEN_UP
      const tag = tagAt(at)
      at = skipBlanks(at + tag.length)
      if (text.charCodeAt(at) !== EQUALS) throw GIVEN_UP
      at = skipBlanks(at + 1)
      const quote = text.charCodeAt(at)
      if (quote !== QUOTE && quote !== APOSTROPHE) throw GIVEN_UP
      const begin = at + 1
      at = begin
      let refers = false
      for (let one = text.charCodeAt(at); one !== quote; one = text.charCodeAt(at)) {
        // Whether other white space becomes a space depends on the attribute's type.
        if (!(one >= SPACE) || one === LESS || at - begin > MAX_VALUE) throw GIVEN_UP
        if (one === AND) refers = true
        at += 1
      }
      if (refers && plain !== undefined) throw GIVEN_UP
      const value = text.slice(begin, at)
      pairs.push([tag, refers ? resolved(value, false) : ownText(value)])
      end = at + 1
    }
  }

  /** Reads the start tag whose `<` is at `from`. */
  const startAt = (from: number, depth: number, outer: Scope): Tag => {
    elements += 1
    if (depth > maxDepth || elements > maxElements) throw GIVEN_UP
    const tag = tagAt(from + 1)
    let at = from + 1 + tag.length
    let scope = outer
    let attributes = NO_ATTRIBUTES
    if (isBlankCode(text.charCodeAt(at))) {
      end = at
      const pairs = pairsAt(at)
      at = end
      scope = scopeOf(pairs, outer, depth === 1, plain)
      attributes = attributesOf(pairs, scope)
    }
    const isEmpty = text.charCodeAt(at) === SLASH
    if (text.charCodeAt(isEmpty ? at + 1 : at) !== GREATER) throw GIVEN_UP
    end = isEmpty ? at + 2 : at + 1
    return { tag, scope, attributes, isEmpty }
  }

  /** The start tag of the root; one that was read before is not read again. */
  const rootStart = (from: number): Tag => {
    const to = text.indexOf('>', from) + 1
    const written = text.slice(from, Math.min(to, from + LONGEST_ROOT))
    const roots = knownRoots.get(form) ?? new Map<string, Tag>()
    const known = roots.get(written)
    if (known !== undefined) {
      elements += 1
      end = to
      return known
    }
    const tag = startAt(from, 1, outside)
    // It ends further on when a value holds a `>`.
    if (end !== from + written.length) return tag
    if (roots.size === MOST_ROOTS) roots.clear()
    knownRoots.set(form, roots.set(ownText(written), { ...tag, tag: ownText(tag.tag) }))
    return tag
  }

  /** The end tag must have the name of the start tag. */
  const endTag = (tag: string, from: number): void => {
    if (!text.startsWith(tag, from)) throw GIVEN_UP
    const at = skipBlanks(from + tag.length)
    if (text.charCodeAt(at) !== GREATER) throw GIVEN_UP
    end = at + 1
  }

  /** Reads the element whose `<` is at `from`. */
  const elementAt = (from: number, depth: number, outer: Scope): XmlElement =>
    elementOf(startAt(from, depth, outer), depth)

  /** Reads what follows the start tag. */
  const elementOf = ({ tag, scope, attributes, isEmpty }: Tag, depth: number): XmlElement => {
    const { name, namespace } = nameOf(tag, scope)
    if (isEmpty) return { name, namespace, attributes, children: NO_CHILDREN, text: '' }
    let children = NO_CHILDREN
    let content = ''
    for (let at = end; ; at = end) {
      const next = text.indexOf('<', at)
      if (next === -1) throw GIVEN_UP
      const code = text.charCodeAt(next + 1)
      if (plain !== undefined) {
        if (code === SLASH && children.length === 0) content = plainText(at, next)
        else if (!isBlank(text, at, next)) throw GIVEN_UP
      } else if (next > at) content += resolvedText(text.slice(at, next))
      if (code === SLASH) {
        endTag(tag, next + 2)
        return { name, namespace, attributes, children, text: content }
      }
      if (code === EXCLAMATION) content += marked(next)
      else {
        const child = elementAt(next, depth + 1, scope)
        if (children === NO_CHILDREN) children = [child]
        else children.push(child)
      }
    }
  }

  /** The text of a CDATA section, or '' for a comment; `end` is the position after it. */
  const marked = (from: number): string => {
    if (plain !== undefined) throw GIVEN_UP
    if (!text.startsWith('<![CDATA[', from)) {
      end = commentEnd(text, from)
      return ''
    }
    const to = text.indexOf(END_OF_CDATA, from)
    if (to === -1) throw GIVEN_UP
    end = to + END_OF_CDATA.length
    return text.slice(from + 9, to)
  }

  /** The root of a plain document; its children are read when the caller asks for them. */
  const rootAt = (from: number): XmlDocument => {
    const { tag, scope, attributes, isEmpty } = rootStart(from)
    const { name, namespace } = nameOf(tag, scope)
    const root = { name, namespace, attributes, children: NO_CHILDREN, text: '' }
    let at = end
    let isOver = isEmpty
    const next = (): XmlElement | undefined => {
      if (isOver) return undefined
      const begin = text.indexOf('<', at)
      if (begin === -1 || !isBlank(text, at, begin)) throw GIVEN_UP
      isOver = text.charCodeAt(begin + 1) === SLASH
      if (isOver) {
        endTag(tag, begin + 2)
        return undefined
      }
      const child = elementAt(begin, 2, scope)
      at = end
      return child
    }
    const first = isEmpty ? -1 : text.indexOf('<', at)
    if (first !== -1 && text.charCodeAt(first + 1) === SLASH) {
      root.text = plainText(at, first)
      at = first
    }
    return { root, next }
  }

  const plainText = (from: number, to: number): string => {
    if (from === to) return ''
    // Whether text of white space only is kept is the library's decision.
    if (isBlankCode(text.charCodeAt(from)) && isBlank(text, from, to)) throw GIVEN_UP
    const raw = text.slice(from, to)
    return raw.includes('&') ? resolved(raw, true) : ownText(raw)
  }

  const rootElement = (from: number): XmlElement => elementOf(rootStart(from), 1)

  return { skip, rootElement, rootAt, end: () => end }
}

/** The namespaces in scope inside a start tag; removes the declarations from `pairs`. */
function scopeOf(pairs: [string, string][], outer: Scope, isRoot: boolean, plain: XmlForm['plain']): Scope {
  if (!pairs.some(([tag]) => tag === 'xmlns' || tag.startsWith('xmlns:'))) return outer
  if (plain !== undefined && !isRoot) throw GIVEN_UP
  const namespaces = new Map(outer.namespaces)
  const declared = new Set<string>()
  const others = pairs.splice(0).filter(([tag, value]) => {
    const prefix = tag === 'xmlns' ? '' : tag.startsWith('xmlns:') ? tag.slice(6) : undefined
    if (prefix === undefined) return true
    if (declared.has(prefix) || /^xml/i.test(prefix) || (prefix !== '' && value === '')) throw GIVEN_UP
    if (tag !== 'xmlns' && (!NAME.test(prefix) || prefix.includes(':'))) throw GIVEN_UP
    if (!(plain?.namespaces.includes(value) ?? NAMESPACE.test(value))) throw GIVEN_UP
    declared.add(prefix)
    namespaces.set(ownText(prefix), value)
    return false
  })
  pairs.push(...others)
  return { namespaces, names: new Map() }
}

function nameOf(tag: string, scope: Scope, isAttribute = false): Name {
  const known = isAttribute ? undefined : scope.names.get(tag)
  if (known !== undefined) return known
  const [, prefix, name] = NAME.exec(tag) ?? []
  if (name === undefined) throw GIVEN_UP
  // An attribute without a prefix is in no namespace.
  const namespace = prefix === undefined && isAttribute ? '' : scope.namespaces.get(prefix ?? '')
  if ((namespace === undefined && prefix !== undefined) || /^xml/i.test(name)) throw GIVEN_UP
  const read = { name: ownText(name), namespace: namespace ?? '' }
  if (!isAttribute && scope.names.size === MOST_NAMES) scope.names.clear()
  if (!isAttribute) scope.names.set(ownText(tag), read)
  return read
}

function attributesOf(pairs: [string, string][], scope: Scope): ReadonlyMap<string, string> {
  if (pairs.length === 0) return NO_ATTRIBUTES
  const attributes = new Map<string, string>()
  for (const [tag, value] of pairs) {
    const { name, namespace } = nameOf(tag, scope, true)
    attributes.set(namespace === '' ? name : `{${namespace}}${name}`, value)
  }
  if (attributes.size !== pairs.length) throw GIVEN_UP
  return attributes
}

function resolvedText(raw: string): string {
  if (raw.includes(END_OF_CDATA)) throw GIVEN_UP
  return raw.includes('&') ? resolved(raw, false) : ownText(raw)
}

/** The text with references replaced; numeric references are not plain. */
function resolved(raw: string, isPlain: boolean): string {
  return raw.replace(REFERENCE, (_, reference: string | undefined) => {
    const known = reference === undefined ? undefined : REFERRED[reference]
    if (known !== undefined) return known
    if (isPlain || reference?.startsWith('#') !== true) throw GIVEN_UP
    const code = reference[1] === 'x' ? Number.parseInt(reference.slice(2), 16) : Number(reference.slice(1))
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw GIVEN_UP
    const character = String.fromCodePoint(code)
    if (NOT_XML.test(character)) throw GIVEN_UP
    return character
  })
}

/** The position after the comment at `from`; section 2.5 forbids `--` inside it. */
function commentEnd(text: string, from: number): number {
  const to = text.startsWith('<!--', from) ? text.indexOf('--', from + 4) : -1
  if (to === -1 || text.charCodeAt(to + 2) !== GREATER) throw GIVEN_UP
  return to + 3
}

/** A copy of its own: a substring of the document would keep the whole document in memory. */
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

/** Letters, digits and `_.-:` of ASCII. */
function isNameCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 45 && code <= 58 && code !== SLASH) ||
    code === 95
  )
}
