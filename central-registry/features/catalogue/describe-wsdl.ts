/**
 * What a provider's WSDL document says about its operations: X-Road's title and notes. Pure, and for the
 * thread of read-description.ts only: strangers write the document.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { splitName } from '#core/xml/tags.ts'
import { Fault } from '#schemas/fault.ts'
import { type Description, MAX_DOCUMENT_BYTES, NONE, textOf } from './read-answers.ts'
import { keyOf } from './soap-answers.ts'

const WSDL = 'http://schemas.xmlsoap.org/wsdl/'
const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const BOUNDS = {
  bytes: MAX_DOCUMENT_BYTES,
  ...{ elements: 50_000, nodes: 200_000, depth: 128, scope: 500, attributes: 100 },
  refuse: (what: string): Fault => new Fault('invalid_input', { what }),
  dropBlanks: true,
}

/** The operations of its bindings, by `code` or `code/version`. None for a document that cannot be read. */
export async function describeWsdl(document: Buffer): Promise<[string, Description][]> {
  const root = await readTree(document, BOUNDS).catch(() => undefined)
  if (root === undefined || !is(root, WSDL, 'definitions')) return []
  const said = documentationIn(root)
  const found = childrenOf(root, 'binding').flatMap((binding) => {
    const portType = splitName(binding.attributes.get('type') ?? '')[1]
    return childrenOf(binding, 'operation').map((operation): [string, Description] => {
      const serviceCode = operation.attributes.get('name') ?? ''
      const version = operation.children.find((child) => is(child, XROAD, 'version'))?.text.trim()
      const key = keyOf({
        serviceCode,
        ...(version !== undefined && version !== '' && { serviceVersion: version }),
      })
      return [key, { ...NONE, ...said.get(`${portType}/${serviceCode}`) }]
    })
  })
  return [...new Map(found)]
}

/** By port type and operation. */
function documentationIn(root: XmlElement): Map<string, Pick<Description, 'title' | 'description'>> {
  const said = new Map<string, Pick<Description, 'title' | 'description'>>()
  for (const portType of childrenOf(root, 'portType'))
    for (const operation of childrenOf(portType, 'operation')) {
      const parts = childrenOf(operation, 'documentation').flatMap(({ children }) => children)
      const part = (name: string) => parts.find((child) => is(child, XROAD, name))?.text.trim()
      const name = `${portType.attributes.get('name')}/${operation.attributes.get('name')}`
      said.set(name, { title: textOf(part('title'), 255), description: textOf(part('notes'), 4000, true) })
    }
  return said
}

function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => is(child, WSDL, name))
}

function is({ namespace, name }: XmlElement, wanted: string, local: string): boolean {
  return namespace === wanted && name === local
}
