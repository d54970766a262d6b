/** A view of a SOAP document for as long as it is read: UTF-8, no document type, bounded; only what is asked for is copied. */
import { isUtf8 } from 'node:buffer'
import type { XmlDocument as LibraryDocument, XmlElement as LibraryElement } from 'libxml2-wasm'
import { Fault } from '#schemas/fault.ts'

export type SoapElement = {
  /** Local name. */
  name: string
  namespace: string
  children(): SoapElement[]
  /** Character data directly inside; throws `invalid_soap` when elements stand among it: readers differ on that. */
  text(): string
  /** An attribute by local name, or '{namespace}local'. */
  attribute(name: string): string | undefined
}

/** The SOAP part is read whole, attachments are not: this bounds the time it takes the event loop. */
const MAX_SOAP_BYTES = 10 * 1024 * 1024
const MAX_CHILDREN = 1_000
const PROLOG = /[ \t\r\n]*(?:<!--(?:(?!--)[\s\S])*-->|<\?(?!xml[ \t\r\n])(?:(?!\?>)[\s\S])*\?>)/y
const DECLARATION =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(["'])1\.[0-9]+\1(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(["'])([A-Za-z0-9._-]+)\2)?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(["'])(?:yes|no)\4)?[ \t\r\n]*\?>/
const ROOT = /[ \t\r\n]*<[^!?/]/y
const MAX_PROLOG = 16_384

/** Hands the root element to `read` and frees the parser's memory. Throws `invalid_soap` or what `read` throws. */
export async function withSoapDocument<T>(bytes: Buffer, read: (root: SoapElement) => T): Promise<T> {
  const source = withoutMark(bytes)
  checkProlog(source)
  const library = await import('libxml2-wasm')
  const { XML_PARSE_NONET, XML_PARSE_NO_XXE, XML_PARSE_SKIP_IDS } = library.ParseOption
  let document: LibraryDocument
  try {
    document = library.XmlDocument.fromBuffer(source, {
      option: XML_PARSE_NONET | XML_PARSE_NO_XXE | XML_PARSE_SKIP_IDS,
    })
  } catch (cause) {
    throw new Fault('invalid_soap', { what: 'it is not well-formed XML', cause })
  }
  try {
    return read(view(library, document.root))
  } finally {
    document.dispose()
  }
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

/** A document type can stand in the prolog alone, so only that is searched: a body may well quote one in CDATA. */
function checkProlog(source: Buffer): void {
  if (source.length > MAX_SOAP_BYTES) throw invalid(`it is longer than ${MAX_SOAP_BYTES} bytes`)
  if (!isUtf8(source) || source.includes(0)) throw invalid('it is not UTF-8')
  const head = source.toString('utf8', 0, MAX_PROLOG)
  const declaration = DECLARATION.exec(head)
  const encoding = declaration?.[3] ?? 'utf-8'
  if (encoding.toLowerCase() !== 'utf-8') throw invalid('its encoding is not UTF-8')
  let at = declaration?.[0].length ?? 0
  PROLOG.lastIndex = at
  while (PROLOG.test(head)) at = PROLOG.lastIndex
  ROOT.lastIndex = at
  if (!ROOT.test(head)) throw invalid('something else than an element begins it')
}

function view(library: typeof import('libxml2-wasm'), source: LibraryElement): SoapElement {
  return {
    name: source.name,
    namespace: source.namespaceUri,
    children() {
      const children: SoapElement[] = []
      for (let node = source.firstChild; node !== null; node = node.next) {
        if (!(node instanceof library.XmlElement)) continue
        if (children.length === MAX_CHILDREN) throw invalid('an element has too many children')
        children.push(view(library, node))
      }
      return children
    },
    text() {
      let text = ''
      for (let node = source.firstChild; node !== null; node = node.next) {
        if (node instanceof library.XmlText || node instanceof library.XmlCData) text += node.content
        else if (!(node instanceof library.XmlComment))
          throw invalid(`${source.name} does not hold text alone`)
      }
      return text
    },
    attribute(name) {
      const found = source.attrs.find(
        (attribute) =>
          (attribute.namespaceUri === ''
            ? attribute.name
            : `{${attribute.namespaceUri}}${attribute.name}`) === name,
      )
      return found?.value
    },
  }
}

function invalid(what: string): Fault {
  return new Fault('invalid_soap', { what })
}
