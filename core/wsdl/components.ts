/**
 * The global components of all schemas of a WSDL, by kind and name, and the small questions that their
 * readers ask.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { type Documents, invalid, type SchemaDocument, XS } from './collect-documents.ts'

/** A component with the schema that it stands in, whose forms and namespace are its own. */
export type Placed = { node: XmlElement; schema: SchemaDocument }
type Kind = 'element' | 'complexType' | 'simpleType' | 'group' | 'attributeGroup' | 'attribute'

export type Components = {
  nameOf: Documents['nameOf']
  /** Undefined when there is none. */
  lookUp(kind: Kind, from: XmlElement, written: string): Placed | undefined
  /** Throws `invalid_configuration` when there is none. */
  find(kind: Kind, from: XmlElement, written: string): Placed
}

const KINDS: readonly string[] = [
  ...['element', 'complexType', 'simpleType', 'group', 'attributeGroup', 'attribute'],
]
const MAX_DEPTH = 64

export function indexComponents({ schemas, nameOf }: Documents): Components {
  const found = new Map<string, Placed>()
  for (const schema of schemas)
    for (const node of schema.root.children)
      if (node.namespace === XS && KINDS.includes(node.name))
        found.set(keyOf(node.name, schema.targetNamespace, node.attributes.get('name') ?? ''), {
          node,
          schema,
        })
  const lookUp: Components['lookUp'] = (kind, from, written) => {
    const { namespace, name } = nameOf(from, written)
    return found.get(keyOf(kind, namespace, name))
  }
  return {
    nameOf,
    lookUp,
    find: (kind, from, written) => {
      const placed = lookUp(kind, from, written)
      const { namespace, name } = nameOf(from, written)
      if (placed === undefined) throw invalid(`the WSDL has no ${kind} {${namespace}}${name}`)
      return placed
    },
  }
}

export function childOf({ children }: XmlElement, name: string): XmlElement | undefined {
  return children.find((child) => child.namespace === XS && child.name === name)
}

export function isTrue({ attributes }: XmlElement, name: string): boolean {
  return ['true', '1'].includes(attributes.get(name) ?? '')
}

export function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw invalid('the types of the WSDL are nested too deeply, or made of themselves')
}

function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind} {${namespace}}${name}`
}
