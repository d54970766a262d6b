/** Copies a document in any form into a plain tree, within bounds. */
import type { XmlElement } from './element.ts'
import { type Loan, withXmlDocument, type XmlView } from './library.ts'

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()

type TreeLoan = Loan & {
  /** The maximum per element. */
  attributes: number
}

/** The tree as libxml2 reads it, without comments. Throws `refuse(...)`. */
export function readTree(xml: Buffer, q: TreeLoan): Promise<XmlElement> {
  return withXmlDocument(xml, q, (root) => {
    const copy = (source: XmlView): XmlElement => {
      const element: XmlElement = {
        name: source.name,
        namespace: source.namespace,
        attributes: copyAttributes(source, q),
        children: [],
        text: '',
      }
      for (const item of source.content()) {
        if (typeof item === 'string') element.text += item
        else if (!('other' in item)) element.children.push(copy(item))
        else if (item.other === 'reference') throw q.refuse('an entity reference is not allowed')
      }
      return element
    }
    return copy(root)
  })
}

function copyAttributes(
  source: XmlView,
  q: Pick<TreeLoan, 'attributes' | 'refuse'>,
): ReadonlyMap<string, string> {
  const attributes = source.attributes()
  if (attributes.length === 0) return NO_ATTRIBUTES
  if (attributes.length > q.attributes) throw q.refuse('an element has too many attributes')
  return new Map(attributes)
}
