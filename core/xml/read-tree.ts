/** Copies a document of any writer into a plain tree, within bounds. */
import type { Fault } from '#schemas/fault.ts'
import type { XmlElement } from './element.ts'
import { type Loan, withXmlDocument, type XmlView } from './library.ts'

type TreeBounds = { depth: number; elements: number; attributes: number }

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()

/** The tree as libxml2 reads it, comments and instructions left out. Throws what `refuse` gives. */
export function readTree(xml: Buffer, q: Loan & TreeBounds): Promise<XmlElement> {
  return withXmlDocument(xml, q, (root) => {
    let elements = 0
    const copy = (source: XmlView, depth: number): XmlElement => {
      elements += 1
      if (depth > q.depth || elements > q.elements)
        throw q.refuse(`it is deeper than ${q.depth} or has more than ${q.elements} elements`)
      const element: XmlElement = {
        name: source.name,
        namespace: source.namespace,
        attributes: copyAttributes(source, q),
        children: [],
        text: '',
      }
      for (const item of source.content()) {
        if (typeof item === 'string') element.text += item
        else if (!('other' in item)) element.children.push(copy(item, depth + 1))
        else if (item.other === 'reference') throw q.refuse('an entity reference is not allowed')
      }
      return element
    }
    return copy(root, 1)
  })
}

function copyAttributes(
  source: XmlView,
  q: { attributes: number; refuse(why: string): Fault },
): ReadonlyMap<string, string> {
  const attributes = source.attributes()
  if (attributes.length === 0) return NO_ATTRIBUTES
  if (attributes.length > q.attributes) throw q.refuse('an element has too many attributes')
  return new Map(attributes)
}
