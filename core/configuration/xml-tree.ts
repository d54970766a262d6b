/** Reads the XML of a configuration: without the library where it stands as central servers write it, by the library otherwise. */
import { documentOf, treeOf, type XmlDocument, type XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { readStrictXml } from '#core/xml/strict-reader.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { IDENTIFIERS_NAMESPACE, XROAD_NAMESPACE } from './xml-write.ts'

const BOUNDS = { bytes: 64 * 1024 * 1024, depth: 32, elements: 4_000_000, attributes: 16 }
const MAX_SCOPE = 256
export const PLAIN = { ...BOUNDS, plain: { namespaces: [XROAD_NAMESPACE, IDENTIFIERS_NAMESPACE] } }

/** Parses `xml`, of at most so many elements; whatever is wrong with it is thrown as a Fault of `code`. */
export async function parseXml(
  xml: Buffer,
  code: FaultCode,
  elements: number = BOUNDS.elements,
): Promise<XmlElement> {
  const plain = readStrictXml(xml, { ...PLAIN, elements }, treeOf)
  return plain?.value ?? (await parseByLibrary(xml, code, elements))
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
  try {
    const plain = readStrictXml(xml, PLAIN, read)
    if (plain !== undefined) return plain.value
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
  }
  return read(documentOf(await parseXml(xml, code)))
}

/** The same in whatever form the document stands. */
export function parseByLibrary(
  xml: Buffer,
  code: FaultCode,
  elements: number = BOUNDS.elements,
): Promise<XmlElement> {
  const bounds = { ...BOUNDS, elements, nodes: 2 * elements, scope: MAX_SCOPE }
  const refuse = (what: string, cause?: unknown): Fault => new Fault(code, { what, cause })
  return readTree(xml, { ...bounds, dropBlanks: true, isHuge: true, refuse })
}
