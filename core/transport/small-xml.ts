/**
 * A strict reader of small XML documents in UTF-8: elements, namespaces and text, nothing else. A document type,
 * a processing instruction, an unknown entity, a doubled attribute or too much of anything makes it give up.
 */
import { isUtf8 } from 'node:buffer'

/** An element; `text` is all character data that stands directly in it. */
export type SmallElement = {
  namespace: string
  local: string
  text: string
  children: SmallElement[]
}

const MAX_DEPTH = 32
const MAX_ELEMENTS = 2_000
const DECLARATION =
  /^<\?xml version=(["'])1\.0\1(?: encoding=(["'])utf-8\2)?(?: standalone=(["'])(?:yes|no)\3)? ?\?>/i
const NAME =
  '[A-Za-z_\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff][A-Za-z0-9_.\\-\\u00b7\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff]*'
const QNAME = `(?:${NAME}:)?${NAME}`
const OPEN = new RegExp(`<(${QNAME})`, 'y')
const CLOSE = new RegExp(`</(${QNAME})[ \\t\\r\\n]*>`, 'y')
const ATTRIBUTE = new RegExp(
  `[ \\t\\r\\n]+(${QNAME})[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"([^"<]*)"|'([^'<]*)')`,
  'y',
)
const TAG_END = /[ \t\r\n]*(\/?)>/y
const TEXT = /[^<]+/y
const NOT_XML = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/
const ENTITY: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace'

type Frame = { name: string; element: SmallElement; namespaces: Map<string, string> }

/** The root element, or undefined when the document is anything but strict, small and well formed. */
export function readSmallXml(bytes: Buffer): SmallElement | undefined {
  if (!isUtf8(bytes)) return undefined
  const decoded = bytes.toString('utf8')
  if (NOT_XML.test(decoded)) return undefined
  const source = decoded.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n')
  const frames: Frame[] = []
  let root: SmallElement | undefined
  let at = DECLARATION.exec(source)?.[0].length ?? 0
  let elements = 0

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found !== null) at = pattern.lastIndex
    return found
  }

  while (at < source.length) {
    const frame = frames.at(-1)
    const text = match(TEXT)
    if (text !== null) {
      const value = text[0].includes(']]>') ? undefined : resolve(text[0])
      if (value === undefined || (frame === undefined && value.trim() !== '')) return undefined
      if (frame === undefined && text[0].includes('&')) return undefined
      if (frame !== undefined) frame.element.text += value
    } else if (source.startsWith('<!--', at)) {
      const end = source.indexOf('--', at + 4)
      if (end < 0 || source[end + 2] !== '>') return undefined
      at = end + 3
    } else if (source.startsWith('<![CDATA[', at)) {
      const end = source.indexOf(']]>', at)
      if (frame === undefined || end < 0) return undefined
      frame.element.text += source.slice(at + 9, end)
      at = end + 3
    } else if (source[at + 1] === '/') {
      if (frame === undefined || match(CLOSE)?.[1] !== frame.name) return undefined
      frames.pop()
    } else {
      if (root !== undefined && frame === undefined) return undefined
      if (frames.length === MAX_DEPTH || ++elements > MAX_ELEMENTS) return undefined
      const name = match(OPEN)?.[1]
      const attributes = name === undefined ? undefined : readAttributes(match)
      const end = match(TAG_END)
      if (name === undefined || attributes === undefined || end === null) return undefined
      const namespaces = inScope(frame?.namespaces ?? ROOT_NAMESPACES, attributes)
      const element = namespaces && elementOf(name, namespaces)
      if (namespaces === undefined || element === undefined) return undefined
      if (frame === undefined) root = element
      else frame.element.children.push(element)
      if (end[1] === '') frames.push({ name, element, namespaces })
    }
  }
  return frames.length === 0 ? root : undefined
}

const ROOT_NAMESPACES = new Map([['xml', XML_NAMESPACE]])

function readAttributes(match: (pattern: RegExp) => RegExpExecArray | null): Map<string, string> | undefined {
  const attributes = new Map<string, string>()
  for (let found = match(ATTRIBUTE); found !== null; found = match(ATTRIBUTE)) {
    const value = resolve(found[2] ?? found[3] ?? '')
    if (value === undefined || attributes.has(found[1] as string)) return undefined
    attributes.set(found[1] as string, value)
  }
  return attributes
}

function inScope(
  outer: Map<string, string>,
  attributes: Map<string, string>,
): Map<string, string> | undefined {
  let scope = outer
  for (const [name, value] of attributes) {
    const prefix = name === 'xmlns' ? '' : name.startsWith('xmlns:') ? name.slice(6) : undefined
    if (prefix === undefined) continue
    if (prefix === 'xml' || prefix === 'xmlns' || (prefix !== '' && value === '')) return undefined
    if (scope === outer) scope = new Map(outer)
    scope.set(prefix, value)
  }
  // Two names for one attribute, and a prefix that nobody declared, are namespace errors.
  const seen = new Set<string>()
  for (const name of attributes.keys()) {
    const colon = name.indexOf(':')
    if (colon < 0 || name.startsWith('xmlns:')) continue
    const namespace = scope.get(name.slice(0, colon))
    const expanded = `${namespace} ${name.slice(colon + 1)}`
    if (namespace === undefined || seen.has(expanded)) return undefined
    seen.add(expanded)
  }
  return scope
}

function elementOf(name: string, namespaces: Map<string, string>): SmallElement | undefined {
  const colon = name.indexOf(':')
  const prefix = colon < 0 ? '' : name.slice(0, colon)
  const namespace = namespaces.get(prefix) ?? (prefix === '' ? '' : undefined)
  return namespace === undefined
    ? undefined
    : { namespace, local: name.slice(colon + 1), text: '', children: [] }
}

function resolve(text: string): string | undefined {
  if (!text.includes('&')) return text
  let known = true
  const resolved = text.replace(/&([^;&]{0,8};)?/g, (_whole, reference: string | undefined) => {
    const value = reference === undefined ? undefined : character(reference.slice(0, -1))
    if (value === undefined) known = false
    return value ?? ''
  })
  return known ? resolved : undefined
}

function character(reference: string): string | undefined {
  if (Object.hasOwn(ENTITY, reference)) return ENTITY[reference]
  const digits = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(reference)
  if (digits === null) return undefined
  const code = digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16)
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined
  const text = String.fromCodePoint(code)
  return NOT_XML.test(text) ? undefined : text
}
