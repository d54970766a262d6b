/**
 * Reads an XML document into a plain tree, within bounds: UTF-8 only, no document type, no entities but XML's own, and
 * nothing of the parser's memory left behind.
 */
import { isUtf8 } from 'node:buffer'
import type { XmlDocument as LibraryDocument, XmlElement as LibraryElement } from 'libxml2-wasm'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { readPlainXml } from './xml-plain.ts'

export type XmlElement = {
  name: string
  /** The namespace URI, '' when there is none. */
  namespace: string
  /** By local name when unqualified, '{uri}local' otherwise. Namespace declarations are not among them. */
  attributes: ReadonlyMap<string, string>
  children: XmlElement[]
  /** All character data directly inside, comments and processing instructions left out. */
  text: string
}

/** A document whose root may have more children than should be in memory at a time. */
export type XmlDocument = {
  /** Without its children. */
  root: XmlElement
  /** Its next child; undefined when there is none any more. */
  next(): XmlElement | undefined
}

const MAX_BYTES = 64 * 1024 * 1024
const MAX_DEPTH = 32
const MAX_ELEMENTS = 4_000_000
const MAX_ATTRIBUTES = 16
const BOUNDS = { depth: MAX_DEPTH, elements: MAX_ELEMENTS, attributes: MAX_ATTRIBUTES }
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()
const ENCODING = /^\ufeff?<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']/

/** Parses `xml`; whatever is wrong with it is thrown as a Fault of `code`. */
export async function parseXml(xml: Buffer, code: FaultCode): Promise<XmlElement> {
  checkBytes(xml, code)
  return readPlainXml(xml, BOUNDS, treeOf)?.value ?? (await parseByLibrary(xml, code))
}

/**
 * What `read` makes of the document. Where that has to be read by the library, or `read` refuses something of it, `read` is called again
 * with the whole tree: what is wrong with the document itself is said first.
 */
export async function readXml<T>(
  xml: Buffer,
  code: FaultCode,
  read: (document: XmlDocument) => T,
): Promise<T> {
  checkBytes(xml, code)
  try {
    const plain = readPlainXml(xml, BOUNDS, read)
    if (plain !== undefined) return plain.value
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
  }
  return read(documentOf(await parseXml(xml, code)))
}

/** All of a document. */
export function treeOf({ root, next }: XmlDocument): XmlElement {
  const children: XmlElement[] = []
  for (let child = next(); child !== undefined; child = next()) children.push(child)
  return { ...root, children }
}

function documentOf(root: XmlElement): XmlDocument {
  let at = 0
  return { root, next: () => root.children[at++] }
}

/** The same for bytes that were checked, in whatever form the document stands. */
export async function parseByLibrary(xml: Buffer, code: FaultCode): Promise<XmlElement> {
  const { XmlDocument, ParseOption } = await import('libxml2-wasm')
  // White space between elements would be as many nodes again.
  const option =
    ParseOption.XML_PARSE_NONET |
    ParseOption.XML_PARSE_NOBLANKS |
    ParseOption.XML_PARSE_NO_XXE |
    ParseOption.XML_PARSE_HUGE
  let document: LibraryDocument
  try {
    document = XmlDocument.fromBuffer(xml, { option })
  } catch (cause) {
    throw new Fault(code, { what: 'it is not well-formed XML', cause })
  }
  try {
    return await copyTree(document.root, code)
  } finally {
    document.dispose()
  }
}

function checkBytes(xml: Buffer, code: FaultCode): void {
  if (xml.length > MAX_BYTES) throw new Fault(code, { what: `it is larger than ${MAX_BYTES} bytes` })
  // UTF-16 would hide a document type from the search below.
  if (xml.includes(0) || !isUtf8(xml)) throw new Fault(code, { what: 'it is not UTF-8' })
  const encoding = ENCODING.exec(xml.toString('utf8', 0, 200))?.[1]
  if (encoding !== undefined && encoding.toUpperCase() !== 'UTF-8') {
    throw new Fault(code, { what: 'its declared encoding is not UTF-8' })
  }
  if (xml.includes('<!DOCTYPE') || xml.includes('<!ENTITY')) {
    throw new Fault(code, { what: 'a document type is not allowed' })
  }
}

async function copyTree(root: LibraryElement, code: FaultCode): Promise<XmlElement> {
  const library = await import('libxml2-wasm')
  let elements = 0
  const copy = (source: LibraryElement, depth: number): XmlElement => {
    elements += 1
    if (depth > MAX_DEPTH || elements > MAX_ELEMENTS) {
      throw new Fault(code, {
        what: `it is deeper than ${MAX_DEPTH} or has more than ${MAX_ELEMENTS} elements`,
      })
    }
    const element: XmlElement = {
      name: source.name,
      namespace: source.namespaceUri,
      attributes: copyAttributes(source, code),
      children: [],
      text: '',
    }
    for (let node = source.firstChild; node !== null; node = node.next) {
      if (node instanceof library.XmlElement) element.children.push(copy(node, depth + 1))
      else if (node instanceof library.XmlText || node instanceof library.XmlCData)
        element.text += node.content
      else if (node instanceof library.XmlEntityReference) {
        throw new Fault(code, { what: 'an entity reference is not allowed' })
      }
    }
    return element
  }
  return copy(root, 1)
}

function copyAttributes(source: LibraryElement, code: FaultCode): ReadonlyMap<string, string> {
  const attributes = source.attrs
  if (attributes.length === 0) return NO_ATTRIBUTES
  if (attributes.length > MAX_ATTRIBUTES)
    throw new Fault(code, { what: 'an element has too many attributes' })
  return new Map(
    attributes.map((attribute) => [
      attribute.namespaceUri === '' ? attribute.name : `{${attribute.namespaceUri}}${attribute.name}`,
      attribute.value,
    ]),
  )
}
