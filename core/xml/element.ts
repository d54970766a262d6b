/** An XML document as a plain tree, whoever read it. */

export type XmlElement = {
  name: string
  /** The namespace URI, '' when there is none. */
  namespace: string
  /** By local name when unqualified, '{uri}local' otherwise. Namespace declarations are not among them. */
  attributes: ReadonlyMap<string, string>
  children: XmlElement[]
  /** All character data directly inside, comments left out. */
  text: string
}

/** A document whose root may have more children than should be in memory at a time. */
export type XmlDocument = {
  /** Without its children. */
  root: XmlElement
  /** Its next child; undefined when there is none any more. */
  next(): XmlElement | undefined
}

/** All of a document. */
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
