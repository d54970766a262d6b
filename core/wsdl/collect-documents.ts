/**
 * Collects a WSDL document and what it imports, as far as `read` gives it, within bounds. Each comes with the
 * namespaces that its prefixes stand for, element by element.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { attributesOf, namespacesIn, splitName, type Tag, tagsOf } from '#core/xml/tags.ts'
import { Fault } from '#schemas/fault.ts'

export const WSDL = 'http://schemas.xmlsoap.org/wsdl/'
export const XS = 'http://www.w3.org/2001/XMLSchema'
export const XROAD = 'http://x-road.eu/xsd/xroad.xsd'

type QName = { namespace: string; name: string }

/** A schema; one without a namespace takes that of the schema that includes it. */
export type SchemaDocument = { root: XmlElement; targetNamespace: string }

export type Documents = {
  definitions: { root: XmlElement; targetNamespace: string }[]
  schemas: SchemaDocument[]
  /** What a prefixed name in an attribute of this element means. Throws `invalid_configuration`. */
  nameOf(element: XmlElement, written: string): QName
}

const MAX_FILES = 200
export const MAX_BYTES = 4 * 1024 * 1024
const BOUNDS = {
  bytes: MAX_BYTES,
  ...{ elements: 50_000, nodes: 200_000, depth: 128, scope: 500, attributes: 100 },
  dropBlanks: true,
}
const LOCATIONS: Record<string, string> = { import: 'schemaLocation', include: 'schemaLocation' }
/** Of the headers, which are known here: a WSDL imports their schemas from X-Road's own address. */
const HEADERS: ReadonlySet<string> = new Set([
  ...[XROAD, 'http://x-road.eu/xsd/identifiers', 'http://x-road.eu/xsd/representation.xsd'],
])
const REMOTE = /^[a-z][a-z0-9+.-]+:/i
const AMPERSAND = /&amp;/g

/** A document, and the name by which it is the same from wherever it is imported. */
export type FoundDocument = { name: string; bytes: Buffer }

/**
 * `read` gives what is at a location in the document of that name; undefined for what is left out. Throws
 * `invalid_configuration`, and what `read` throws.
 */
export async function collectDocuments(
  first: FoundDocument,
  read: (from: string, location: string) => Promise<FoundDocument | undefined>,
): Promise<Documents> {
  const scopes = new Map<XmlElement, ReadonlyMap<string, string>>()
  const definitions: Documents['definitions'] = []
  const schemas: SchemaDocument[] = []
  const seen = new Set<string>()

  async function follow(from: string, location: string, included: string | undefined): Promise<void> {
    const found = await read(from, location)
    if (found !== undefined) await collect(found, included)
  }

  async function collect({ name: at, bytes }: FoundDocument, included: string | undefined): Promise<void> {
    const key = `${at} ${included ?? ''}`
    if (seen.has(key)) return
    seen.add(key)
    if (seen.size > MAX_FILES) throw invalid(`${first.name} imports more than ${MAX_FILES} files`)
    const root = await readTree(bytes, { ...BOUNDS, refuse: (why, cause) => invalid(`${at}: ${why}`, cause) })
    // Names of a schema without a namespace of its own are those of the schema that includes it (XML Schema
    // 1.0 section 4.2.1).
    const takesNamespace = included !== undefined && !root.attributes.has('targetNamespace')
    const outer = takesNamespace ? new Map([['', included]]) : undefined
    rememberScopes(root, bytes.toString('utf8'), scopes, outer)
    if (root.namespace === WSDL && root.name === 'definitions') await readDefinitions(root, at)
    else if (root.namespace === XS && root.name === 'schema') await readSchema(root, at, included)
    else throw invalid(`${at} is neither WSDL 1.1 nor XML Schema`)
  }

  async function readDefinitions(root: XmlElement, at: string): Promise<void> {
    definitions.push({ root, targetNamespace: root.attributes.get('targetNamespace') ?? '' })
    for (const child of root.children) {
      if (child.namespace !== WSDL) continue
      const location = child.attributes.get('location')
      if (child.name === 'import' && location !== undefined) await follow(at, location, undefined)
      if (child.name === 'types')
        for (const schema of child.children)
          if (schema.namespace === XS && schema.name === 'schema') await readSchema(schema, at, undefined)
    }
  }

  async function readSchema(root: XmlElement, at: string, included: string | undefined): Promise<void> {
    const targetNamespace = root.attributes.get('targetNamespace') ?? included ?? ''
    schemas.push({ root, targetNamespace })
    for (const child of root.children) {
      if (child.namespace !== XS) continue
      if (child.name === 'redefine') throw invalid(`${at}: redefine is not supported`)
      const location = child.attributes.get(LOCATIONS[child.name] ?? '')
      if (location !== undefined && !isOfHeaders(child, location))
        await follow(at, location, child.name === 'include' ? targetNamespace : undefined)
    }
  }

  await collect(first, undefined)
  return {
    definitions,
    schemas,
    nameOf: (element, written) => {
      const [prefix, name] = splitName(written.trim())
      const namespace = scopes.get(element)?.get(prefix)
      if (namespace === undefined && prefix !== '')
        throw invalid(`the prefix of ${written.slice(0, 100)} has no meaning`)
      return { namespace: namespace ?? '', name }
    },
  }
}

/** The start tags of a text are its elements in their order. */
function rememberScopes(
  root: XmlElement,
  text: string,
  scopes: Map<XmlElement, ReadonlyMap<string, string>>,
  around: ReadonlyMap<string, string> | undefined,
): void {
  const starts = startTags(text)
  const visit = (element: XmlElement, outer: ReadonlyMap<string, string> | undefined): void => {
    const { value: tag } = starts.next()
    if (tag === undefined || splitName(tag.name)[1] !== element.name)
      throw invalid('a document of the WSDL cannot be read twice in the same way')
    const inner = attributesOf(tag).some(({ name }) => name.startsWith('xmlns'))
      ? namespacesIn(tag, outer)
      : outer
    const plain = new Map([...(inner ?? [])].map(([prefix, uri]) => [prefix, uri.replace(AMPERSAND, '&')]))
    scopes.set(element, inner === outer && outer !== undefined ? outer : plain)
    for (const child of element.children) visit(child, scopes.get(element))
  }
  visit(root, around)
}

function* startTags(text: string): Generator<Tag, undefined> {
  for (const tag of tagsOf(text)) if (!tag.isEnd) yield tag
  return undefined
}

function isOfHeaders({ attributes }: XmlElement, location: string): boolean {
  return REMOTE.test(location) && HEADERS.has(attributes.get('namespace') ?? '')
}

export function invalid(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what, cause })
}
