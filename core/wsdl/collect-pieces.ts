/**
 * Walks over a WSDL 1.1 document and what it imports and includes, and finds what goes into one document made
 * of them, and with which changes. What has not been fetched yet is wanted; what stays outside is named with
 * the reason.
 */
import { escapeXml } from '#core/xml/escape.ts'
import { type Edit, withAttribute, without, withoutAttribute } from './edit-text.ts'
import { is, MAX_BYTES, WSDL, XML_SCHEMA } from './elements.ts'
import type { PlacedElement } from './read-outline.ts'

export type Outline = { address: string; text: string; root: PlacedElement }
/**
 * An element of another document. `elsewhere` is the namespace of its names without a prefix, as it is
 * written, where it declares none.
 */
export type Piece = { of: Outline; at: PlacedElement; edits: Edit[]; elsewhere: string }
export type LeftOut = { location: string; why: string }

type Pieces = {
  /** Addresses of what is needed to go on. */
  wanted: Set<string>
  /** By location. */
  leftOut: Map<string, LeftOut>
  /** The addresses of what is taken. */
  parts: Set<string>
  /** The WSDL documents that are taken. */
  definitions: Outline[]
  schemas: Piece[]
  /** Messages, bindings and the like. */
  others: Piece[]
  /** In the document itself. */
  edits: Edit[]
}

const NAMED: ReadonlySet<string> = new Set(['message', 'portType', 'binding', 'service'])

export function collectPieces(main: Outline, found: ReadonlyMap<string, Outline | { why: string }>): Pieces {
  const pieces: Pieces = {
    wanted: new Set(),
    leftOut: new Map(),
    parts: new Set(),
    definitions: [],
    schemas: [],
    others: [],
    edits: [],
  }
  const { origin } = new URL(main.address)
  const taken = new Set([`${main.address} ${WSDL}`])
  const names = new Set(namesIn(main.root))
  let size = Buffer.byteLength(main.text)

  /** Whether what is at a location takes the place of the reference. */
  function follows(from: Outline, location: string, take: (part: Outline) => string | undefined): boolean {
    const url = URL.canParse(location, from.address) ? new URL(location, from.address) : undefined
    if (url !== undefined) url.hash = ''
    const address = url?.href ?? location
    const leave = (why: string): false => {
      pieces.leftOut.set(address, { location: address, why })
      return false
    }
    if (url === undefined) return leave('this is no address')
    if (url.origin !== origin) return leave('it is at another origin than the document')
    const part = address === main.address ? main : found.get(address)
    if (part === undefined) {
      pieces.wanted.add(address)
      return false
    }
    if ('why' in part) return leave(part.why)
    const why = take(part)
    return why === undefined ? true : leave(why)
  }

  /** Why it is not taken; undefined where it is, also where it has been before. */
  function takeOnce(part: Outline, as: string, act: () => void): string | undefined {
    const key = `${part.address} ${as}`
    if (taken.has(key)) return undefined
    const bytes = Buffer.byteLength(part.text)
    if (size + bytes > MAX_BYTES) return 'with it the document would be larger than 2 MiB'
    size += bytes
    taken.add(key)
    pieces.parts.add(part.address)
    act()
    return undefined
  }

  function takeSchema(part: Outline, namespace: string): string | undefined {
    if (!is(part.root.element, XML_SCHEMA, 'schema')) return 'it is no XML Schema'
    return takeOnce(part, namespace, () => addSchema(part, part.root, namespace))
  }

  function takeIncluded(part: Outline, namespace: string): string | undefined {
    if ((targetOf(part) ?? namespace) === namespace) return takeSchema(part, namespace)
    return 'it is included, and has another target namespace than what includes it'
  }

  /**
   * One without a namespace takes that of the schema that includes it, and so do the names in it (XML Schema
   * 1.0 section 4.2.1).
   */
  function addSchema(of: Outline, at: PlacedElement, namespace: string): void {
    const takesNamespace = namespace !== '' && !at.element.attributes.has('targetNamespace')
    const edits = takesNamespace ? [withAttribute(at.tag, 'targetNamespace', namespace)] : []
    pieces.schemas.push({ of, at, edits, elsewhere: takesNamespace ? escapeXml(namespace) : '' })
    edits.push(...readSchema(of, at, namespace))
  }

  function readSchema(of: Outline, schema: PlacedElement, namespace: string): Edit[] {
    const edits: Edit[] = []
    for (const child of schema.children) {
      const { name, attributes } = child.element
      const location = attributes.get('schemaLocation')
      if (child.element.namespace !== XML_SCHEMA || location === undefined) continue
      if (name === 'import' && follows(of, location, (part) => takeSchema(part, targetOf(part) ?? '')))
        edits.push(...withoutAttribute(child.tag, 'schemaLocation'))
      if (name === 'include' && follows(of, location, (part) => takeIncluded(part, namespace)))
        edits.push(without(child))
      if (name === 'redefine') pieces.leftOut.set(location, { location, why: 'redefine is not followed' })
    }
    return edits
  }

  function takeDefinitions(part: Outline): string | undefined {
    if (!is(part.root.element, WSDL, 'definitions')) return takeSchema(part, targetOf(part) ?? '')
    if (targetOf(main) === undefined) return 'the document that imports it has no target namespace'
    const isKnown = taken.has(`${part.address} ${WSDL}`)
    const twice = isKnown ? undefined : namesIn(part.root).find((name) => names.has(name))
    if (twice !== undefined) return `there is a ${twice.slice(0, 100)} in it and in another of the documents`
    return takeOnce(part, WSDL, () => {
      for (const name of namesIn(part.root)) names.add(name)
      pieces.definitions.push(part)
      readDefinitions(part)
    })
  }

  function readDefinitions(of: Outline): void {
    for (const child of of.root.children) {
      const { element } = child
      const location = is(element, WSDL, 'import') ? element.attributes.get('location') : undefined
      if (location !== undefined && follows(of, location, takeDefinitions)) {
        if (of === main) pieces.edits.push(without(child))
      } else if (is(element, WSDL, 'types')) {
        for (const schema of child.children.filter((one) => is(one.element, XML_SCHEMA, 'schema'))) {
          const namespace = schema.element.attributes.get('targetNamespace') ?? ''
          if (of === main) pieces.edits.push(...readSchema(of, schema, namespace))
          else addSchema(of, schema, namespace)
        }
      } else if (of !== main && !is(element, WSDL, 'documentation'))
        pieces.others.push({ of, at: child, edits: [], elsewhere: '' })
    }
  }

  readDefinitions(main)
  return pieces
}

export function targetOf({ root }: Outline): string | undefined {
  return root.element.attributes.get('targetNamespace')
}

/** In one document a name is of one message, one port type and so on. */
function namesIn({ children }: PlacedElement): string[] {
  return children
    .filter(({ element }) => element.namespace === WSDL && NAMED.has(element.name))
    .map(({ element }) => `${element.name} ${element.attributes.get('name') ?? ''}`)
}
