/**
 * A signature document for the general path: copied into a plain tree within bounds, and canonicalised from
 * the parser's own tree. Comments, CDATA, document types and processing instructions are refused before
 * parsing, so that all readers see the same content.
 */
import { withXmlDocument, type XmlView } from '#core/xml/library.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { LIMIT } from './template.ts'

export type SignatureElement = {
  namespace: string
  name: string
  /** All unqualified, since qualified attributes are refused; without namespace declarations. */
  attributes: ReadonlyMap<string, string>
  children: SignatureElement[]
  /** Character data directly inside the element. */
  text: string
  /**
   * Canonical form of the element and its content (C14N 1.0 without comments, UTF-8); available only while
   * the document is read.
   */
  canonical(mode: 'inclusive' | 'exclusive'): Buffer
}

/**
 * Ten times what 100 attachments need. Canonical forms are made before the signature value is checked, so
 * they must be bounded.
 */
const BOUNDS = { bytes: LIMIT.documentBytes, elements: 2_000, nodes: 6_000, depth: 16, scope: 64 }
const DECLARATION =
  /^\ufeff?<\?xml version=(["'])1\.0\1(?: encoding=(["'])utf-8\2)?(?: standalone=(["'])(?:yes|no)\3)?\s?\?>/i

/**
 * Parses `document`, passes its root to `read` and frees the parser's memory. Throws `invalid_xml` or what
 * `read` throws.
 */
export async function withSignatureDocument<T>(
  document: Buffer,
  read: (root: SignatureElement) => T,
): Promise<T> {
  const start = DECLARATION.exec(document.toString('utf8', 0, 200))?.[0]
  const rest = document.subarray(Buffer.byteLength(start ?? ''))
  if (rest.includes('<!') || rest.includes('<?')) {
    throw invalid(say`comments, document types and the like are not allowed in a signature`)
  }
  const refuse = (why: Word, cause?: unknown): Fault => invalid(say`the signature document: ${why}`, cause)
  return await withXmlDocument(document, { ...BOUNDS, refuse }, (root) => read(copyTree(root)))
}

function copyTree(root: XmlView): SignatureElement {
  const children: SignatureElement[] = []
  let text = ''
  for (const item of root.content()) {
    if (typeof item === 'string') text += item
    else if ('other' in item) throw invalid(say`an entity reference is not allowed in a signature`)
    else children.push(copyTree(item))
  }
  const { namespace, name } = root
  const attributes = attributesOf(root)
  return { namespace, name, attributes, children, text, canonical: (mode) => canonicalise(root, mode) }
}

function attributesOf(element: XmlView): ReadonlyMap<string, string> {
  const attributes = element.attributes()
  // Attributes such as xml:space and xml:base would change what canonical XML inherits.
  if (attributes.some(([name]) => name.startsWith('{'))) {
    throw new Fault('malformed_signature', { what: say`an attribute has a namespace` })
  }
  return new Map(attributes)
}

function canonicalise(element: XmlView, mode: 'inclusive' | 'exclusive'): Buffer {
  let canonical: Buffer | undefined
  let cause: unknown
  try {
    canonical = element.canonical(mode)
  } catch (thrown) {
    cause = thrown
  }
  if (canonical === undefined)
    throw new Fault('malformed_signature', { what: say`the signature has no canonical form`, cause })
  return canonical
}

function invalid(what: Word, cause?: unknown): Fault {
  return new Fault('invalid_xml', { what, cause })
}
