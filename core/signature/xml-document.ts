/**
 * A signature document for the general path: parsed by libxml2, copied into a plain tree within bounds, canonicalised
 * from the parser's own tree. Comments, CDATA, document types and processing instructions are refused before parsing:
 * nothing may stand in a signature that one reader sees and another does not.
 */
import { isUtf8 } from 'node:buffer'
import type { XmlDocument as LibraryDocument, XmlElement as LibraryElement } from 'libxml2-wasm'
import { Fault } from '#schemas/fault.ts'
import { LIMIT } from './template.ts'

export type SignatureElement = {
  namespace: string
  name: string
  /** All unqualified: qualified attributes are refused. Namespace declarations are not among them. */
  attributes: ReadonlyMap<string, string>
  children: SignatureElement[]
  /** Character data directly inside. */
  text: string
  /** Canonical form of the element and all in it (C14N 1.0 without comments, UTF-8). */
  canonical(mode: 'inclusive' | 'exclusive'): Buffer
}

const MAX_DEPTH = 16
const MAX_ELEMENTS = 2_000
const DECLARATION =
  /^\ufeff?<\?xml version=(["'])1\.0\1(?: encoding=(["'])utf-8\2)?(?: standalone=(["'])(?:yes|no)\3)?\s?\?>/i

/** Parses `document`, hands its root to `read` and frees the parser's memory. Throws `invalid_xml` or what `read` throws. */
export async function withXmlDocument<T>(document: Buffer, read: (root: SignatureElement) => T): Promise<T> {
  checkBytes(document)
  const library = await import('libxml2-wasm')
  const { XML_PARSE_NONET, XML_PARSE_NO_XXE, XML_PARSE_SKIP_IDS } = library.ParseOption
  let parsed: LibraryDocument
  try {
    parsed = library.XmlDocument.fromBuffer(document, {
      option: XML_PARSE_NONET | XML_PARSE_NO_XXE | XML_PARSE_SKIP_IDS,
    })
  } catch (cause) {
    throw new Fault('invalid_xml', { what: 'the signature document is not well formed', cause })
  }
  try {
    return read(copyTree(library, parsed))
  } finally {
    parsed.dispose()
  }
}

function checkBytes(document: Buffer): void {
  if (document.length > LIMIT.documentBytes) {
    throw new Fault('invalid_xml', { what: `the signature is longer than ${LIMIT.documentBytes} bytes` })
  }
  // UTF-16 and other encodings would hide marks from the searches below.
  if (!isUtf8(document) || document.includes(0)) {
    throw new Fault('invalid_xml', { what: 'the signature document is not UTF-8' })
  }
  const start = DECLARATION.exec(document.toString('utf8', 0, 200))?.[0]
  const rest = document.subarray(Buffer.byteLength(start ?? ''))
  if (rest.includes('<!') || rest.includes('<?')) {
    throw new Fault('invalid_xml', {
      what: 'comments, document types and the like are not allowed in a signature',
    })
  }
}

type Library = typeof import('libxml2-wasm')

function copyTree(library: Library, parsed: LibraryDocument): SignatureElement {
  let elements = 0
  const copy = (source: LibraryElement, depth: number): SignatureElement => {
    elements += 1
    if (depth > MAX_DEPTH || elements > MAX_ELEMENTS) {
      throw new Fault('invalid_xml', { what: 'the signature document is too deep or has too many elements' })
    }
    const children: SignatureElement[] = []
    let text = ''
    for (let node = source.firstChild; node !== null; node = node.next) {
      if (node instanceof library.XmlElement) children.push(copy(node, depth + 1))
      else if (node instanceof library.XmlText) text += node.content
      else throw new Fault('invalid_xml', { what: 'an entity reference is not allowed in a signature' })
    }
    return {
      namespace: source.namespaceUri,
      name: source.name,
      attributes: attributesOf(source),
      children,
      text,
      canonical: (mode) => canonicalise(library, parsed, source, mode),
    }
  }
  return copy(parsed.root, 1)
}

function attributesOf(element: LibraryElement): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const attribute of element.attrs) {
    // xml:space, xml:base and the like would change what canonical XML inherits.
    if (attribute.namespaceUri !== '') {
      throw new Fault('malformed_signature', { what: 'an attribute has a namespace' })
    }
    attributes.set(attribute.name, attribute.value)
  }
  return attributes
}

function canonicalise(
  library: Library,
  document: LibraryDocument,
  element: LibraryElement,
  mode: 'inclusive' | 'exclusive',
): Buffer {
  const { XML_C14N_1_0, XML_C14N_EXCLUSIVE_1_0 } = library.XmlC14NMode
  // Not the library's own string handler: it decodes piece by piece and breaks characters at the seams.
  const pieces: Buffer[] = []
  const handler = {
    write: (piece: Uint8Array): number => {
      pieces.push(Buffer.from(piece))
      return piece.byteLength
    },
    close: (): boolean => true,
  }
  try {
    // A node set of one element is the subtree below it; unlike canonicalizeSubtree this makes no object per node.
    document.canonicalize(handler, {
      mode: mode === 'inclusive' ? XML_C14N_1_0 : XML_C14N_EXCLUSIVE_1_0,
      nodeSet: new Set([element]),
    })
  } catch (cause) {
    throw new Fault('malformed_signature', { what: 'the signature has no canonical form', cause })
  }
  const canonical = Buffer.concat(pieces)
  // A canonicaliser that gives up half-way must not leave an attacker a short text of their choice to have signed.
  if (!canonical.toString('latin1').endsWith(`${element.name}>`)) {
    throw new Fault('malformed_signature', { what: 'the signature has no canonical form' })
  }
  return canonical
}
