/**
 * XML Schema documents as models of elements. What a model cannot say without guessing (groups that repeat,
 * mixed content, types that stand for others) is refused by name, when an operation needs it.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { type Documents, invalid, XS } from './collect-documents.ts'
import { type Components, checkDepth, childOf, indexComponents, isTrue, type Placed } from './components.ts'
import type { Attribute, ComplexType, ElementModel, Group, Particle, SimpleType } from './model.ts'
import { elementsOf } from './model.ts'
import { attributesIn, simpleNamed, simpleType } from './read-simple.ts'
import { restrict } from './simple-types.ts'

type Type = SimpleType | ComplexType
type Reading = Components & {
  /** Each type is read once. */
  types: Map<XmlElement, ComplexType>
  /** Who has a name in the description. */
  names: Map<string, XmlElement | undefined>
}

/** The description has a schema of its own by this name. */
const TAKEN = 'Fault'
const GROUPS = ['sequence', 'choice', 'all'] as const

/**
 * Finds a global element by its name. It throws `invalid_configuration`, and so does the element's type when
 * it is asked for.
 */
export function readSchemas(documents: Documents): (written: XmlElement, name: string) => ElementModel {
  const all: Reading = {
    ...indexComponents(documents),
    types: new Map(),
    names: new Map([[TAKEN, undefined]]),
  }
  return (written, name) => element(all, all.find('element', written, name), 1, 1)
}

function element(all: Reading, placed: Placed, min: number, max: number): ElementModel {
  const { node, schema } = placed
  const ref = node.attributes.get('ref')
  if (ref !== undefined) return element(all, all.find('element', node, ref), min, max)
  const isGlobal = schema.root.children.includes(node)
  const form = node.attributes.get('form') ?? schema.root.attributes.get('elementFormDefault')
  const name = node.attributes.get('name') ?? ''
  return {
    ...{ kind: 'element', name, min, max, nillable: isTrue(node, 'nillable') },
    namespace: isGlobal || form === 'qualified' ? schema.targetNamespace : '',
    type: () => typeOf(all, placed, name),
  }
}

function typeOf(all: Reading, { node, schema }: Placed, name: string): Type {
  if (isTrue(node, 'abstract')) throw invalid(`${name}: an abstract element is not supported`)
  const written = node.attributes.get('type')
  if (written !== undefined) return namedType(all, node, written, 0)
  const complexChild = childOf(node, 'complexType')
  if (complexChild !== undefined) return complexType(all, { node: complexChild, schema }, 0)
  const simpleChild = childOf(node, 'simpleType')
  if (simpleChild !== undefined) return simpleType(all, { node: simpleChild, schema }, 0)
  throw invalid(`${name}: an element without a type holds anything: it is not supported`)
}

/** The type that an attribute of `from` names. */
function namedType(all: Reading, from: XmlElement, written: string, depth: number): Type {
  return (
    simpleNamed(all, from, written, depth) ?? complexType(all, all.find('complexType', from, written), depth)
  )
}

function complexType(all: Reading, placed: Placed, depth: number): ComplexType {
  checkDepth(depth)
  const known = all.types.get(placed.node)
  if (known !== undefined) return known
  const { node } = placed
  const name = node.attributes.get('name')
  const where = name ?? 'a type without a name'
  if (isTrue(node, 'mixed')) throw invalid(`${where}: mixed content is not supported`)
  if (isTrue(node, 'abstract')) throw invalid(`${where}: an abstract type is not supported`)
  const type = complexContent(all, placed, depth, where)
  const twice = elementsOf(type.content).map((one) => one.name)
  for (const [at, one] of twice.entries())
    if (twice.indexOf(one) !== at) throw invalid(`${where}: ${one} stands in it twice, which JSON cannot say`)
  const whole = { ...type, name: name === undefined ? undefined : uniqueName(all, name, node) }
  all.types.set(node, whole)
  return whole
}

function complexContent(all: Reading, placed: Placed, depth: number, where: string): ComplexType {
  const { node, schema } = placed
  const inner = childOf(node, 'complexContent') ?? childOf(node, 'simpleContent')
  const change = inner && (childOf(inner, 'extension') ?? childOf(inner, 'restriction'))
  if (inner === undefined || change === undefined)
    return complex(attributesIn(all, placed, depth), undefined, particleIn(all, placed, where, depth))
  if (isTrue(inner, 'mixed')) throw invalid(`${where}: mixed content is not supported`)
  const written = change.attributes.get('base') ?? ''
  const { namespace, name } = all.nameOf(change, written)
  const isAnything = namespace === XS && name === 'anyType'
  const base: Type = isAnything ? complex([], undefined, undefined) : baseType(all, change, written, depth)
  const own = { node: change, schema }
  const attributes = mergeAttributes(base, attributesIn(all, own, depth))
  if (inner.name === 'simpleContent') {
    const text = base.kind === 'simple' ? base : base.text
    if (text === undefined) throw invalid(`${where}: its base has no text`)
    return complex(
      attributes,
      change.name === 'restriction' ? restrict(text, change.children) : text,
      undefined,
    )
  }
  if (base.kind === 'simple') throw invalid(`${where}: its base is no complex type`)
  const content = particleIn(all, own, where, depth)
  if (change.name === 'restriction') return complex(attributes, undefined, content)
  const items = [base.content, content].filter((one) => one !== undefined)
  return complex(attributes, base.text, items.length < 2 ? items[0] : { kind: 'sequence', items, min: 1 })
}

/** Also an abstract type, which only others are made of. */
function baseType(all: Reading, from: XmlElement, written: string, depth: number): Type {
  const { name } = all.nameOf(from, written)
  const placed = all.lookUp('complexType', from, written)
  if (placed === undefined || !isTrue(placed.node, 'abstract'))
    return namedType(all, from, written, depth + 1)
  checkDepth(depth)
  return complexContent(all, placed, depth + 1, name)
}

function particleIn(
  all: Reading,
  { node, schema }: Placed,
  where: string,
  depth: number,
): Particle | undefined {
  const child = node.children.find(
    ({ namespace, name }) => namespace === XS && [...GROUPS, 'group'].includes(name as 'all'),
  )
  return child && particle(all, { node: child, schema }, where, depth)
}

function particle(all: Reading, placed: Placed, where: string, depth: number): Particle | undefined {
  checkDepth(depth)
  const { node, schema } = placed
  const { min, max } = occurrenceOf(node)
  if (max === 0) return undefined
  if (node.name === 'element') return element(all, placed, min, max)
  if (node.name === 'any') return { kind: 'any' }
  if (node.name === 'group') {
    const group = all.find('group', node, node.attributes.get('ref') ?? '')
    const content = particleIn(all, group, where, depth + 1)
    if (content === undefined || content.kind === 'any') return content
    if (content.kind === 'element') return { ...content, min: content.min * min, max: content.max * max }
    return repeated(content, min, max, where)
  }
  const kind = GROUPS.find((name) => name === node.name)
  if (kind === undefined) throw invalid(`${where}: ${node.name} is not supported`)
  const items = node.children
    .filter(({ namespace, name }) => namespace === XS && name !== 'annotation')
    .flatMap((child) => particle(all, { node: child, schema }, where, depth + 1) ?? [])
  return items.length === 0 ? undefined : repeated({ kind, items, min }, min, max, where)
}

/** Two types of one name in two namespaces are two in the description. */
function uniqueName(all: Reading, name: string, node: XmlElement): string {
  for (let number = 1; ; number++) {
    const tried = (number === 1 ? name : `${name}${number}`)
      .replace(/[^A-Za-z0-9._-]/g, '_')
      .replace(/^_+/, 'T')
    if (all.names.has(tried) && all.names.get(tried) !== node) continue
    all.names.set(tried, node)
    return tried
  }
}

/**
 * A group that repeats is a list if it has one element; with more, JSON would lose which belongs to which.
 */
function repeated(group: Group, min: number, max: number, where: string): Particle {
  if (max <= 1) return { ...group, min: Math.min(group.min, min) }
  const [one, second] = group.items
  if (one?.kind !== 'element' || second !== undefined)
    throw invalid(
      `${where}: a group that repeats (${elementsOf(group)
        .map(({ name }) => name)
        .join(', ')}) is not supported`,
    )
  return { ...one, min: one.min * min, max: one.max * max }
}

function complex(
  attributes: Attribute[],
  text: SimpleType | undefined,
  content: Particle | undefined,
): ComplexType {
  return { kind: 'complex', name: undefined, attributes, text, content }
}

function mergeAttributes(base: Type, own: Attribute[]): Attribute[] {
  const inherited = base.kind === 'complex' ? base.attributes : []
  return [...inherited.filter(({ name }) => !own.some((one) => one.name === name)), ...own]
}

function occurrenceOf({ attributes }: XmlElement): { min: number; max: number } {
  const min = Number(attributes.get('minOccurs') ?? 1)
  const most = attributes.get('maxOccurs') ?? '1'
  const max = most === 'unbounded' ? Number.POSITIVE_INFINITY : Number(most)
  if (!Number.isInteger(min) || Number.isNaN(max) || min > max)
    throw invalid('an occurrence in the WSDL is no number')
  return { min, max }
}
