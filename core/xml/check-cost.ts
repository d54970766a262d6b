/**
 * Checks, before libxml2 sees a document, that reading and canonicalising it costs no more than `bounds`
 * allow. The size in bytes does not tell: for each element, canonical XML visits all declarations in scope,
 * and for each of them all others again. The check is one pass in linear time. Malformed documents are left
 * to the parser, which stops at the first error.
 */

export type XmlBounds = {
  elements: number
  /**
   * Elements, attributes, namespace declarations, comments, CDATA sections and processing instructions
   * together.
   */
  nodes: number
  depth: number
  /** Namespace declarations of an element and all its ancestors, including those that others override. */
  scope: number
}

const LESS = 0x3c
const GREATER = 0x3e
const SLASH = 0x2f
const QUESTION = 0x3f
const BANG = 0x21
const EQUALS = 0x3d
const COLON = 0x3a
const QUOTE = 0x22
const APOSTROPHE = 0x27
const SPACE = 0x20

/** Throws `refuse(reason)`. `xml` is UTF-8. */
export function checkXmlCost(xml: Buffer, bounds: XmlBounds, refuse: (what: string) => Error): void {
  /** The number of declarations in scope, for each open element. */
  const open: number[] = []
  let elements = 0
  let nodes = 0
  let at = xml.indexOf(LESS)
  while (at !== -1) {
    const next = xml[at + 1]
    let end: number
    if (next === SLASH) {
      open.pop()
      end = at + 2
    } else if (next === QUESTION) {
      nodes += 1
      end = xml.indexOf('?>', at + 2)
    } else if (next === BANG) {
      nodes += 1
      const head = xml.toString('latin1', at, at + 9)
      if (head.startsWith('<!--')) end = xml.indexOf('-->', at + 4)
      else if (head === '<![CDATA[') end = xml.indexOf(']]>', at + 9)
      else throw refuse('a document type is not allowed')
    } else {
      const tag = readStartTag(xml, at + 1)
      elements += 1
      nodes += 1 + tag.attributes
      const scope = (open.at(-1) ?? 0) + tag.declarations
      if (scope > bounds.scope) throw refuse(`more than ${bounds.scope} namespace declarations are in scope`)
      if (open.length >= bounds.depth) throw refuse(`it is deeper than ${bounds.depth} elements`)
      if (!tag.isEmpty) open.push(scope)
      end = tag.end
    }
    if (elements > bounds.elements) throw refuse(`it has more than ${bounds.elements} elements`)
    if (nodes > bounds.nodes)
      throw refuse(`it has more than ${bounds.nodes} elements, attributes, comments and the like`)
    at = end === -1 ? -1 : xml.indexOf(LESS, end)
  }
}

type StartTag = {
  /** The number of attributes, including namespace declarations. */
  attributes: number
  declarations: number
  isEmpty: boolean
  /** The position of its `>`; -1 if there is none. */
  end: number
}

/** In a tag every `=` outside quotes belongs to an attribute, whose name starts after white space. */
function readStartTag(xml: Buffer, from: number): StartTag {
  let attributes = 0
  let declarations = 0
  let name = -1
  let before = 0
  for (let at = from; at < xml.length; at++) {
    const code = xml[at]!
    if (code === GREATER) return { attributes, declarations, isEmpty: before === SLASH, end: at }
    if (code === EQUALS) {
      attributes += 1
      if (isDeclaration(xml, name)) declarations += 1
    } else if (code === QUOTE || code === APOSTROPHE) {
      at = xml.indexOf(code, at + 1)
      if (at === -1) break
    } else if (before <= SPACE && code > SPACE) {
      name = at
    }
    before = code
  }
  return { attributes, declarations, isEmpty: true, end: -1 }
}

function isDeclaration(xml: Buffer, name: number): boolean {
  if (name === -1 || xml.toString('latin1', name, name + 5) !== 'xmlns') return false
  const next = xml[name + 5]!
  return next === COLON || next === EQUALS || next <= SPACE
}
