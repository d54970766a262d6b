/**
 * The only module that uses libxml2. It parses a UTF-8 document without document type, network, entities and
 * DTD, lends it to a reader, and frees it afterwards, whatever the reader does. Nothing of the document may
 * be used after that.
 */
import { isUtf8 } from 'node:buffer'
import type {
  XmlDocument as LibraryDocument,
  XmlElement as LibraryElement,
  XmlInputProvider,
} from 'libxml2-wasm'
import type { Fault } from '#schemas/fault.ts'
import { checkXmlCost, type XmlBounds } from './check-cost.ts'

export type Loan = XmlBounds & {
  /** The maximum size of a document in bytes. */
  bytes: number
  /** Leaves out white space between elements, which would double the number of nodes. */
  dropBlanks?: boolean
  /** Lifts the library's own limits on lengths; only the limits given here then apply. */
  isHuge?: boolean
  /** Creates the fault that is thrown for a refused document. */
  refuse(why: string, cause?: unknown): Fault
}

/** The content of an element: a child element, character data (including CDATA), or something else. */
type XmlContent = XmlView | string | { other: 'comment' | 'reference' }

/** `message` quotes the document; `path` names elements, with prefixes and positions, from the root. */
export type XmlViolation = { message: string; path: string }

/** A compiled XML Schema 1.0, in use until it is freed. */
export type XmlSchema = { violationIn(element: LibraryElement): XmlViolation | undefined; free(): void }

type CanonicalMode = 'inclusive' | 'exclusive'
type Library = typeof import('libxml2-wasm')
type Lent = { library: Library; document: LibraryDocument; isOver: boolean; refuse: Loan['refuse'] }

// A class, because a large configuration has millions of these.
/** A view of an element, valid while its document is lent; copies only what the caller asks for. */
export class XmlView {
  readonly #lent: Lent
  readonly #element: LibraryElement

  constructor(lent: Lent, element: LibraryElement) {
    this.#lent = lent
    this.#element = element
  }

  /** The local name. */
  get name(): string {
    return this.#look().name
  }

  /** The namespace URI, '' when there is none. */
  get namespace(): string {
    return this.#look().namespaceUri
  }

  /** By local name if unqualified, by '{uri}local' otherwise; without namespace declarations. */
  attributes(): [name: string, value: string][] {
    return this.#look().attrs.map(({ namespaceUri, name, value }) => [
      namespaceUri === '' ? name : `{${namespaceUri}}${name}`,
      value,
    ])
  }

  *content(): Generator<XmlContent> {
    const { XmlElement, XmlText, XmlCData, XmlComment, XmlTreeNode } = this.#lent.library
    for (let node = this.#look().firstChild; node !== null; node = node.next) {
      if (node instanceof XmlElement) yield new XmlView(this.#lent, node)
      else if (node instanceof XmlText || node instanceof XmlCData) yield node.content
      else if (node instanceof XmlComment) yield { other: 'comment' }
      else if (node instanceof XmlTreeNode) yield { other: 'reference' }
      // The library returns no siblings after a processing instruction.
      else throw this.#lent.refuse('a processing instruction stands in an element')
    }
  }

  /**
   * The element and its content in canonical XML 1.0 without comments; undefined if there is no canonical
   * form. Rethrows the library's errors.
   */
  canonical(mode: CanonicalMode): Buffer | undefined {
    const element = this.#look()
    const { library, document } = this.#lent
    const { XML_C14N_1_0, XML_C14N_EXCLUSIVE_1_0 } = library.XmlC14NMode
    // Not the library's own string handler: it decodes each chunk alone and breaks characters at the chunk
    // boundaries.
    const pieces: Buffer[] = []
    const handler = {
      write: (piece: Uint8Array): number => {
        pieces.push(Buffer.from(piece))
        return piece.byteLength
      },
      close: (): boolean => true,
    }
    // A node set of one element means its whole subtree; unlike canonicalizeSubtree this makes no object per
    // node.
    document.canonicalize(handler, {
      mode: mode === 'inclusive' ? XML_C14N_1_0 : XML_C14N_EXCLUSIVE_1_0,
      nodeSet: new Set([element]),
    })
    const canonical = Buffer.concat(pieces)
    // If canonicalisation stops half-way, the result is a short text that an attacker could choose; it must
    // not be verified.
    return canonical.toString('latin1').endsWith(`${element.name}>`) ? canonical : undefined
  }

  /**
   * The first thing in which the element does not follow a schema; without words where a pattern takes too
   * many tries.
   */
  violationOf(schema: XmlSchema): XmlViolation | undefined {
    return schema.violationIn(this.#look())
  }

  /** The library's element, if its memory has not been freed. */
  #look(): LibraryElement {
    if (this.#lent.isOver) throw new Error('the document was freed')
    return this.#element
  }
}

/**
 * Returns the result of `read` for the root. Throws `refuse(...)` for a refused document, or what `read`
 * throws.
 */
export async function withXmlDocument<T>(xml: Buffer, loan: Loan, read: (root: XmlView) => T): Promise<T> {
  const source = withoutMark(xml)
  const why = whyNotRead(source, loan.bytes)
  if (why !== undefined) throw loan.refuse(why)
  checkXmlCost(source, loan, loan.refuse)
  const library = await import('libxml2-wasm')
  const option = library.ParseOption
  const lent: Lent = { library, document: parse(), isOver: false, refuse: loan.refuse }
  try {
    return read(new XmlView(lent, lent.document.root))
  } finally {
    lent.isOver = true
    lent.document.dispose()
  }

  function parse(): LibraryDocument {
    try {
      return library.XmlDocument.fromBuffer(source, {
        option:
          option.XML_PARSE_NONET |
          option.XML_PARSE_NO_XXE |
          option.XML_PARSE_SKIP_IDS |
          (loan.dropBlanks === true ? option.XML_PARSE_NOBLANKS : 0) |
          (loan.isHuge === true ? option.XML_PARSE_HUGE : 0),
      })
    } catch (cause) {
      throw loan.refuse('it is not well-formed XML', cause)
    }
  }
}

/** What schemas that are compiled may include and import, by location; nothing else is opened. */
let openable: ReadonlyMap<string, Buffer> = new Map()
let isProvided = false

/**
 * Compiles the schema `main`, of which each location is a key of `documents`. None of them may have a
 * document type: the caller has parsed them. Compiling takes any amount of time: for a thread that can be
 * ended. Throws `refuse(...)`.
 */
export async function compileXmlSchema(
  { main, documents }: { main: string; documents: ReadonlyMap<string, Buffer> },
  refuse: Loan['refuse'],
): Promise<XmlSchema> {
  const library = await import('libxml2-wasm')
  if (!isProvided) library.xmlRegisterInputProvider(providerOf(library))
  isProvided = true
  const document = library.XmlDocument.fromString(main)
  openable = documents
  try {
    const validator = library.XsdValidator.fromDoc(document)
    return {
      violationIn(element) {
        try {
          validator.validate(element)
          return undefined
        } catch (cause) {
          return { message: '', path: '', ...firstOf(cause, library) }
        }
      },
      free: () => validator.dispose(),
    }
  } catch (cause) {
    throw refuse(firstOf(cause, library)?.message ?? 'its schemas could not be compiled', cause)
  } finally {
    openable = new Map()
    document.dispose()
  }
}

/** Matches all, so that the library looks nowhere else. */
function providerOf({ openBuffer, readBuffer, closeBuffer }: Library): XmlInputProvider {
  return {
    match: () => true,
    open(location) {
      const bytes = openable.get(location)
      return bytes === undefined ? undefined : openBuffer(bytes)
    },
    read: readBuffer,
    close(handle) {
      closeBuffer(handle)
      return true
    },
  }
}

/** Warnings come first: of locations that were not opened, which is no error of an import. */
function firstOf(cause: unknown, { XmlError, XmlLibError }: Library): XmlViolation | undefined {
  if (!(cause instanceof XmlError)) throw cause
  // The library gives up on a pattern that takes too many tries, and says no more than that.
  if (!(cause instanceof XmlLibError)) return undefined
  const first = cause.details.find(({ level }) => level > 1)
  return first && { message: first.message.trim(), path: first.xpath ?? '' }
}

const SPACES = '[ \\t\\r\\n]'
const DECLARATION = new RegExp(
  `^<\\?xml${SPACES}+version${SPACES}*=${SPACES}*(["'])1\\.[0-9]+\\1` +
    `(?:${SPACES}+encoding${SPACES}*=${SPACES}*(["'])([A-Za-z0-9._-]+)\\2)?` +
    `(?:${SPACES}+standalone${SPACES}*=${SPACES}*(["'])(?:yes|no)\\4)?${SPACES}*\\?>`,
)
const PROLOG = /[ \t\r\n]*(?:<!--(?:(?!--)[\s\S])*-->|<\?(?!xml[ \t\r\n])(?:(?!\?>)[\s\S])*\?>)/y
const ROOT = /[ \t\r\n]*<[^!?/]/y
const MAX_PROLOG = 16_384

function withoutMark(xml: Buffer): Buffer {
  return xml[0] === 0xef && xml[1] === 0xbb && xml[2] === 0xbf ? xml.subarray(3) : xml
}

/**
 * A document type can only be in the prolog, so only that is searched: a text may legitimately quote one in
 * CDATA.
 */
function whyNotRead(source: Buffer, most: number): string | undefined {
  if (source.length > most) return `it is longer than ${most} bytes`
  // In another encoding a document type would not be found.
  if (!isUtf8(source) || source.includes(0)) return 'it is not UTF-8'
  const head = source.toString('utf8', 0, MAX_PROLOG)
  const declaration = DECLARATION.exec(head)
  if ((declaration?.[3] ?? 'utf-8').toLowerCase() !== 'utf-8') return 'its encoding is not UTF-8'
  let at = declaration?.[0].length ?? 0
  PROLOG.lastIndex = at
  while (PROLOG.test(head)) at = PROLOG.lastIndex
  ROOT.lastIndex = at
  return ROOT.test(head) ? undefined : 'something else than an element begins it'
}
