/**
 * A document's elements with their places in its text, for those who put texts together instead of writing
 * them anew.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { namespacesIn, splitName, type Tag, tagsOf } from '#core/xml/tags.ts'
import type { Fault } from '#schemas/fault.ts'
import { BOUNDS } from './elements.ts'

type Scope = ReadonlyMap<string, string>

export type PlacedElement = {
  element: XmlElement
  /** Its start tag. */
  tag: Tag
  children: PlacedElement[]
  /** The namespaces around it and within it, by prefix, as they are written. */
  around: Scope
  scope: Scope
  contentEnd: number
  end: number
}

/** Throws `refuse(...)` for what is no XML within the bounds of a WSDL document. */
export async function readOutline(
  text: string,
  refuse: (why: string, cause?: unknown) => Fault,
): Promise<PlacedElement> {
  const root = await readTree(Buffer.from(text), { ...BOUNDS, refuse })
  const tags = tagsOf(text)
  const next = (name: string, isEnd: boolean): Tag => {
    const { value: tag } = tags.next()
    if (!tag || tag.isEnd !== isEnd || splitName(tag.name)[1] !== name)
      throw refuse('it cannot be read twice in the same way')
    return tag
  }
  const place = (element: XmlElement, around: Scope): PlacedElement => {
    const tag = next(element.name, false)
    const scope = namespacesIn(tag, around)
    const children = element.children.map((child) => place(child, scope))
    const closing = tag.isEmpty ? { start: tag.end, end: tag.end } : next(element.name, true)
    return { element, tag, children, around, scope, contentEnd: closing.start, end: closing.end }
  }
  return place(root, new Map())
}
