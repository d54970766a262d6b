/** An XML document as a plain tree, independent of the reader that produced it. */

export type XmlElement = {
  name: string
  /** The namespace URI, '' when there is none. */
  namespace: string
  /** By local name if unqualified, by '{uri}local' otherwise; without namespace declarations. */
  attributes: ReadonlyMap<string, string>
  children: XmlElement[]
  /** All character data directly inside the element, without comments. */
  text: string
}

/** A document whose root may have too many children to be in memory at once. */
export type XmlDocument = {
  /** The root element without its children. */
  root: XmlElement
  /** The next child of the root; undefined after the last one. */
  next(): XmlElement | undefined
}

/** The whole document as a tree. */
export function treeOf({ root, next }: XmlDocument): XmlElement {
  const children: XmlElement[] = []
  for (let child = next(); child !== undefined; child = next()) children.push(child)
  return { ...root, children }
}

/** The document of a tree. */
export function documentOf(root: XmlElement): XmlDocument {
  let at = 0
  return { root, next: () => root.children[at++] }
}
