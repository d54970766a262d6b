/**
 * The messages of a WSDL 1.1 document: for each operation of a SOAP binding the element that the body of its
 * request and of its answer has. Only document/literal is read, the one style in which the schema says all of
 * the body.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { attributesOf, namespacesIn, splitName, tagsOf } from '#core/xml/tags.ts'
import { childrenOf, is, isSoap, isSoapOverHttp, refused, WSDL } from './elements.ts'

export type ElementName = { namespace: string; name: string }
export type SoapOperation = { request: ElementName; response: ElementName }

const XROAD = 'http://x-road.eu/xsd/xroad.xsd'

/** By service, `code` or `code/version`. Throws `invalid_input` with the operation that cannot be read. */
export function readMessages(root: XmlElement, text: string): Map<string, SoapOperation> {
  const elements = elementsOfParts(text)
  const portTypes = byName(childrenOf(root, 'portType'))
  const messages = byName(childrenOf(root, 'message'))
  const found = new Map<string, SoapOperation>()
  for (const binding of childrenOf(root, 'binding').filter(isSoapOverHttp)) {
    const portType = portTypes.get(localName(binding, 'type'))
    const usual = styleOf(binding, 'binding') ?? 'document'
    for (const operation of childrenOf(binding, 'operation')) {
      const name = operation.attributes.get('name') ?? ''
      const refuse = (what: string) => refused(`operation ${name.slice(0, 100)}: ${what}`)
      const style = styleOf(operation, 'operation') ?? usual
      if (style !== 'document')
        throw refuse(
          `its style is ${style.slice(0, 20)}; messages can be held against document/literal alone`,
        )
      const declared =
        portType && childrenOf(portType, 'operation').find((one) => one.attributes.get('name') === name)
      if (declared === undefined) throw refuse('its port type is not in the document')
      const elementOf = (half: 'input' | 'output'): ElementName => {
        const message = messages.get(localName(childrenOf(declared, half)[0], 'message'))
        if (message === undefined) throw refuse(`the message of its ${half} is not in the document`)
        return elements.get(partOf(message, childrenOf(operation, half)[0], refuse)) ?? throwing(refuse, half)
      }
      const version = operation.children.find((child) => is(child, XROAD, 'version'))?.text.trim() ?? ''
      found.set(version === '' ? name : `${name}/${version}`, {
        request: elementOf('input'),
        response: elementOf('output'),
      })
    }
  }
  return found
}

function throwing(refuse: (what: string) => Error, half: string): never {
  throw refuse(`the part of its ${half} names no element`)
}

/** The one part of a message that is the body, as `elementsOfParts` names it. */
function partOf(message: XmlElement, half: XmlElement | undefined, refuse: (what: string) => Error): string {
  const body = half && descendant(half, 'body')
  if (body === undefined) throw refuse('its binding says nothing of the body')
  if ((body.attributes.get('use') ?? 'literal') !== 'literal') throw refuse('its body is not literal')
  const name = message.attributes.get('name') ?? ''
  const named = body.attributes
    .get('parts')
    ?.split(/\s+/)
    .filter((part) => part !== '')
  const headers = new Set(
    half!.children
      .filter((child) => isSoap(child, 'header') && localName(child, 'message') === name)
      .map((child) => child.attributes.get('part')),
  )
  const parts = childrenOf(message, 'part')
    .map((part) => part.attributes.get('name') ?? '')
    .filter((part) => (named === undefined ? !headers.has(part) : named.includes(part)))
  if (parts.length !== 1) throw refuse(`its body has ${parts.length} parts, and one is needed`)
  return `${name} ${parts[0]}`
}

/** What attributes name by prefix needs the namespaces in scope, which the tree does not keep. */
function elementsOfParts(text: string): Map<string, ElementName> {
  const found = new Map<string, ElementName>()
  const scopes: ReadonlyMap<string, string>[] = []
  let message = ''
  for (const tag of tagsOf(text)) {
    if (tag.isEnd) {
      scopes.pop()
      continue
    }
    const namespaces = namespacesIn(tag, scopes.at(-1))
    if (!tag.isEmpty) scopes.push(namespaces)
    const [prefix, local] = splitName(tag.name)
    if (namespaces.get(prefix) !== WSDL) continue
    const attributes = new Map(attributesOf(tag).map(({ name, value }) => [name, value]))
    if (local === 'message') message = attributes.get('name') ?? ''
    const element = attributes.get('element')
    if (local !== 'part' || element === undefined) continue
    const [of, name] = splitName(element)
    found.set(`${message} ${attributes.get('name') ?? ''}`, { namespace: namespaces.get(of) ?? '', name })
  }
  return found
}

function styleOf(element: XmlElement, name: 'binding' | 'operation'): string | undefined {
  return element.children.find((child) => isSoap(child, name))?.attributes.get('style')
}

/** Below `mime:multipartRelated`, too, where there are attachments. */
function descendant(element: XmlElement, name: string): XmlElement | undefined {
  for (const child of element.children) {
    const found = isSoap(child, name) ? child : descendant(child, name)
    if (found !== undefined) return found
  }
  return undefined
}

function byName(elements: XmlElement[]): Map<string, XmlElement> {
  return new Map(elements.map((element) => [element.attributes.get('name') ?? '', element]))
}

function localName(element: XmlElement | undefined, attribute: string): string {
  return splitName(element?.attributes.get(attribute) ?? '')[1]
}
