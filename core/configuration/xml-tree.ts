/**
 * Parses the XML of a configuration: with our own fast reader if it has the form that central servers write,
 * otherwise with the library.
 */
import { documentOf, treeOf, type XmlDocument, type XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { readStrictXml } from '#core/xml/strict-reader.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { IDENTIFIERS_NAMESPACE, XROAD_NAMESPACE } from './xml-write.ts'

const BOUNDS = { bytes: 64 * 1024 * 1024, depth: 32, elements: 4_000_000, attributes: 16 }
const MAX_SCOPE = 256
export const PLAIN = { ...BOUNDS, plain: { namespaces: [XROAD_NAMESPACE, IDENTIFIERS_NAMESPACE] } }

/** Parses `xml` with at most `elements` elements; throws a Fault with `code` for any mistake. */
export async function parseXml(
  xml: Buffer,
  code: FaultCode,
  elements: number = BOUNDS.elements,
): Promise<XmlElement> {
  const plain = readStrictXml(xml, { ...PLAIN, elements }, treeOf)
  return plain?.value ?? (await parseByLibrary(xml, code, elements))
}

/**
 * Returns the result of `read` for the document. If our own reader cannot parse the document, or `read`
 * throws a Fault, `read` is called again with the whole tree from the library, so that a mistake in the XML
 * itself is reported first.
 */
export async function readXml<T>(
  xml: Buffer,
  code: FaultCode,
  read: (document: XmlDocument) => T,
): Promise<T> {
  try {
    const plain = readStrictXml(xml, PLAIN, read)
    if (plain !== undefined) return plain.value
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
  }
  return read(documentOf(await parseXml(xml, code)))
}

/** Parses with the library, whatever form the document has. */
export function parseByLibrary(
  xml: Buffer,
  code: FaultCode,
  elements: number = BOUNDS.elements,
): Promise<XmlElement> {
  const bounds = { ...BOUNDS, elements, nodes: 2 * elements, scope: MAX_SCOPE }
  const refuse = (what: string, cause?: unknown): Fault => new Fault(code, { what, cause })
  return readTree(xml, { ...bounds, dropBlanks: true, isHuge: true, refuse })
}
