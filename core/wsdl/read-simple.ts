/** Simple types and attributes of XML Schema as models: those that have a value and no elements. */
import type { XmlElement } from '#core/xml/element.ts'
import { invalid, XS } from './collect-documents.ts'
import { type Components, checkDepth, childOf, type Placed } from './components.ts'
import type { Attribute, SimpleType } from './model.ts'
import { builtInType, restrict, TEXT_OF_TOKENS } from './simple-types.ts'

const XML = 'http://www.w3.org/XML/1998/namespace'

/** The simple type that an attribute of `from` names; undefined for one that is not simple. */
export function simpleNamed(
  all: Components,
  from: XmlElement,
  written: string,
  depth: number,
): SimpleType | undefined {
  const { namespace, name } = all.nameOf(from, written)
  if (namespace !== XS) {
    const placed = all.lookUp('simpleType', from, written)
    return placed && simpleType(all, placed, depth)
  }
  const type = builtInType(name)
  if (type === undefined)
    throw invalid(`the type ${written} of XML Schema holds anything: it is not supported`)
  return type
}

function simpleOnly(all: Components, from: XmlElement, written: string, depth: number): SimpleType {
  const type = simpleNamed(all, from, written, depth)
  if (type === undefined) throw invalid(`the WSDL has no simple type ${written}`)
  return type
}

export function simpleType(all: Components, { node, schema }: Placed, depth: number): SimpleType {
  checkDepth(depth)
  const restriction = childOf(node, 'restriction')
  if (restriction === undefined) return TEXT_OF_TOKENS
  const base = restriction.attributes.get('base')
  const inner = childOf(restriction, 'simpleType')
  const from =
    base === undefined
      ? inner === undefined
        ? TEXT_OF_TOKENS
        : simpleType(all, { node: inner, schema }, depth + 1)
      : simpleOnly(all, restriction, base, depth + 1)
  return restrict(from, restriction.children)
}

export function attributesIn(all: Components, { node, schema }: Placed, depth: number): Attribute[] {
  checkDepth(depth)
  return node.children.flatMap((child): Attribute[] => {
    if (child.namespace !== XS) return []
    if (child.name === 'attributeGroup')
      return attributesIn(
        all,
        all.find('attributeGroup', child, child.attributes.get('ref') ?? ''),
        depth + 1,
      )
    if (child.name !== 'attribute' || child.attributes.get('use') === 'prohibited') return []
    const required = child.attributes.get('use') === 'required'
    const ref = child.attributes.get('ref')
    // xml:lang and its like say how to read a document, not what it says.
    if (ref !== undefined && all.nameOf(child, ref).namespace === XML) return []
    const placed = ref === undefined ? { node: child, schema } : all.find('attribute', child, ref)
    const form =
      placed.node.attributes.get('form') ?? placed.schema.root.attributes.get('attributeFormDefault')
    const isQualified = ref !== undefined || form === 'qualified'
    return [
      {
        name: placed.node.attributes.get('name') ?? '',
        namespace: isQualified ? placed.schema.targetNamespace : '',
        ...{ required, type: attributeType(all, placed, depth) },
      },
    ]
  })
}

function attributeType(all: Components, { node, schema }: Placed, depth: number): SimpleType {
  const written = node.attributes.get('type')
  if (written !== undefined) return simpleOnly(all, node, written, depth)
  const inner = childOf(node, 'simpleType')
  return inner === undefined ? TEXT_OF_TOKENS : simpleType(all, { node: inner, schema }, depth)
}
