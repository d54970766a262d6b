/**
 * What a WSDL 1.1 document says of services (X-Road's WsdlParser): each operation of a SOAP binding over HTTP
 * is a service, by the operation's name and the version that X-Road's element gives it, at the address of its
 * port. Some documents take seconds: for its thread only, see read-wsdl.ts.
 */

import {
  BOUNDS,
  childrenOf,
  is,
  isSoap,
  isSoapOverHttp,
  refused,
  SOAP_NAMESPACES,
  WSDL,
  XML_SCHEMA,
} from '#core/wsdl/elements.ts'
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { attributesOf, namespacesIn, splitName, tagsOf } from '#core/xml/tags.ts'
import { checkNewCode } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'

export type WsdlSummary = {
  services: {
    code: string
    version: string | undefined
    url: string | undefined
    /** X-Road's title in the documentation of the operation; '' without one. */
    title: string
  }[]
  /** The document with a neutral address in place of those of the services. */
  published: string
  /** What the document refers to and nobody reads. */
  warnings: string[]
}

const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
/** What clients read instead of the service's address: they reach it through their own security server. */
const PUBLISHED_ADDRESS = 'http://example.org/xroad-endpoint'
const MAX_SERVICES = 1_000
const MAX_TITLE = 255
/** Longer than any address that is accepted. */
const MAX_URL = 3000
const MAX_NAMED = 5

/** Throws `invalid_input` that says what is wrong. */
export async function summariseWsdl(text: string): Promise<WsdlSummary> {
  const root = await readTree(Buffer.from(text), { ...BOUNDS, refuse: refused })
  if (!is(root, WSDL, 'definitions')) throw refused(say`its root is not definitions of WSDL 1.1`)
  const bindings = new Map(
    childrenOf(root, 'binding').map((binding) => [binding.attributes.get('name'), binding]),
  )
  const titles = titlesIn(root)
  const services = new Map<string, WsdlSummary['services'][number]>()
  for (const port of childrenOf(root, 'service').flatMap((service) => childrenOf(service, 'port'))) {
    const binding = bindings.get(splitName(port.attributes.get('binding') ?? '')[1])
    if (binding === undefined || !isSoapOverHttp(binding)) continue
    const url = port.children
      .find((child) => isSoap(child, 'address'))
      ?.attributes.get('location')
      ?.slice(0, MAX_URL)
    for (const operation of childrenOf(binding, 'operation')) {
      const code = checkNewCode(operation.attributes.get('name') ?? '')
      const written = operation.children.find((child) => is(child, XROAD, 'version'))?.text.trim()
      const version = written === undefined || written === '' ? undefined : checkNewCode(written)
      const portType = splitName(binding.attributes.get('type') ?? '')[1]
      const title = titles.get(`${portType}/${code}`) ?? ''
      services.set(`${code}/${version ?? ''}`, { code, version, url, title })
    }
  }
  if (services.size === 0) throw refused(say`it has no operation of a SOAP binding over HTTP`)
  if (services.size > MAX_SERVICES) throw refused(say`it has more than ${MAX_SERVICES} operations`)
  return { services: [...services.values()], published: withoutAddresses(text), warnings: importsIn(root) }
}

/** By port type and operation. */
function titlesIn(root: XmlElement): Map<string, string> {
  const titles = new Map<string, string>()
  for (const portType of childrenOf(root, 'portType'))
    for (const operation of childrenOf(portType, 'operation')) {
      const documentation = childrenOf(operation, 'documentation').flatMap(({ children }) => children)
      const title = documentation.find((child) => is(child, XROAD, 'title'))?.text.trim()
      if (title !== undefined)
        titles.set(
          `${portType.attributes.get('name')}/${operation.attributes.get('name')}`,
          title.slice(0, MAX_TITLE).toWellFormed(),
        )
    }
  return titles
}

/** Says which other documents this one imports still: they are neither read nor given to clients. */
function importsIn(root: XmlElement): string[] {
  const found = new Set<string>()
  const left = [root]
  for (let element = left.pop(); element !== undefined; element = left.pop()) {
    const { attributes, namespace, name } = element
    const isImport =
      (namespace === WSDL && name === 'import') ||
      (namespace === XML_SCHEMA && ['import', 'include', 'redefine'].includes(name))
    const location = attributes.get('location') ?? attributes.get('schemaLocation')
    if (isImport && location !== undefined) found.add(location.slice(0, 100).toWellFormed())
    for (const child of element.children) left.push(child)
  }
  if (found.size === 0) return []
  const more = found.size > MAX_NAMED ? ` and ${found.size - MAX_NAMED} more` : ''
  const named = [...found].slice(0, MAX_NAMED).join(', ')
  return [
    `it imports other documents, which are not read and not given to clients; serve them at the origin of its address, or put them into it: ${named}${more}`,
  ]
}

/** The text as it was, with other addresses: comments and types are for people, too. */
function withoutAddresses(text: string): string {
  const pieces: string[] = []
  const scopes: ReadonlyMap<string, string>[] = []
  let from = 0
  for (const tag of tagsOf(text)) {
    if (tag.isEnd) {
      scopes.pop()
      continue
    }
    const namespaces = namespacesIn(tag, scopes.at(-1))
    if (!tag.isEmpty) scopes.push(namespaces)
    const [prefix, local] = splitName(tag.name)
    if (local !== 'address' || !SOAP_NAMESPACES.has(namespaces.get(prefix) ?? '')) continue
    const location = attributesOf(tag).find(({ name }) => name === 'location')
    if (location === undefined) continue
    const at = tag.start + location.at
    pieces.push(text.slice(from, at), PUBLISHED_ADDRESS)
    from = at + location.value.length
  }
  pieces.push(text.slice(from))
  return pieces.join('')
}
