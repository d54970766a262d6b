/** A view of a SOAP document for as long as it is read: bounded, and only what is asked for is copied. */
import { withXmlDocument, type XmlView } from '#core/xml/library.ts'
import { Fault } from '#schemas/fault.ts'

export type SoapElement = {
  /** Local name. */
  name: string
  namespace: string
  children(): SoapElement[]
  /** Character data directly inside; throws `invalid_soap` when elements stand among it: readers differ on that. */
  text(): string
  /** An attribute by local name, or '{namespace}local'. */
  attribute(name: string): string | undefined
}

/** The SOAP part is read whole, attachments are not: this bounds the time it takes the event loop. */
const BOUNDS = {
  bytes: 10 * 1024 * 1024,
  ...{ elements: 500_000, nodes: 1_000_000, depth: 256, scope: 1_000 },
}
const MAX_CHILDREN = 1_000

/** Hands the root element to `read` and frees the parser's memory. Throws `invalid_soap` or what `read` throws. */
export async function withSoapDocument<T>(bytes: Buffer, read: (root: SoapElement) => T): Promise<T> {
  return await withXmlDocument(bytes, { ...BOUNDS, refuse: invalid }, (root) => read(soapView(root)))
}

function soapView(element: XmlView): SoapElement {
  return {
    name: element.name,
    namespace: element.namespace,
    children() {
      const children: SoapElement[] = []
      for (const item of element.content()) {
        if (typeof item === 'string' || 'other' in item) continue
        if (children.length === MAX_CHILDREN) throw invalid('an element has too many children')
        children.push(soapView(item))
      }
      return children
    },
    text() {
      let text = ''
      for (const item of element.content()) {
        if (typeof item === 'string') text += item
        else if (!('other' in item) || item.other !== 'comment')
          throw invalid(`${element.name} does not hold text alone`)
      }
      return text
    },
    attribute: (name) => element.attributes().find(([one]) => one === name)?.[1],
  }
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('invalid_soap', { what, cause })
}
