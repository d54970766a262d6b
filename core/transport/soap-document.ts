/** A view of a SOAP document for as long as it is read: bounded, and only what is asked for is copied. */
import type { XmlElement } from '#core/xml/element.ts'
import { treeOf } from '#core/xml/element.ts'
import { withXmlDocument, type XmlView } from '#core/xml/library.ts'
import { readStrictXml } from '#core/xml/strict-reader.ts'
import { Fault } from '#schemas/fault.ts'

export type SoapElement = {
  /** Local name. */
  name: string
  namespace: string
  children(): SoapElement[]
  /**
   * Character data directly inside; throws `invalid_soap` when elements stand among it: readers differ on
   * that.
   */
  text(): string
  /** An attribute by local name, or '{namespace}local'. */
  attribute(name: string): string | undefined
}

/** The SOAP part is read whole, attachments are not: this bounds the time it takes the event loop. */
const BOUNDS = {
  bytes: 10 * 1024 * 1024,
  ...{ elements: 500_000, nodes: 1_000_000, depth: 256, scope: 1_000 },
}
/** What most messages are; the quick reader gives up on others. */
const COMMON = { bytes: 65_536, depth: 64, elements: 2_000, attributes: 32 }
const MAX_CHILDREN = 1_000
const LESS_THAN = 0x3c
const BLANKS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20])
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** Whether the bytes of a message are SOAP; a REST message begins with a method or a status. */
export function isSoapMessage(message: Buffer): boolean {
  let at = message.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0
  while (BLANKS.has(message[at] ?? 0)) at++
  return message[at] === LESS_THAN
}

/**
 * Hands the root element to `read` and frees the parser's memory. Throws `invalid_soap` or what `read`
 * throws.
 */
export async function withSoapDocument<T>(bytes: Buffer, read: (root: SoapElement) => T): Promise<T> {
  const quick = readStrictXml(bytes, COMMON, treeOf)
  if (quick !== undefined) return read(viewOfTree(quick.value))
  return await withXmlDocument(bytes, { ...BOUNDS, refuse: invalid }, (root) => read(viewOfLibrary(root)))
}

function viewOfTree(element: XmlElement): SoapElement {
  const { name, namespace, attributes, children } = element
  let views: SoapElement[] | undefined
  return {
    name,
    namespace,
    children() {
      if (children.length > MAX_CHILDREN) throw tooManyChildren()
      views ??= children.map(viewOfTree)
      return views
    },
    text() {
      if (children.length > 0) throw notTextAlone(name)
      return element.text
    },
    attribute: (wanted) => attributes.get(wanted),
  }
}

function viewOfLibrary(element: XmlView): SoapElement {
  return {
    name: element.name,
    namespace: element.namespace,
    children() {
      const children: SoapElement[] = []
      for (const item of element.content()) {
        if (typeof item === 'string' || 'other' in item) continue
        if (children.length === MAX_CHILDREN) throw tooManyChildren()
        children.push(viewOfLibrary(item))
      }
      return children
    },
    text() {
      let text = ''
      for (const item of element.content()) {
        if (typeof item === 'string') text += item
        else if (!('other' in item) || item.other !== 'comment') throw notTextAlone(element.name)
      }
      return text
    },
    attribute: (name) => element.attributes().find(([one]) => one === name)?.[1],
  }
}

function tooManyChildren(): Fault {
  return invalid('an element has too many children')
}

function notTextAlone(name: string): Fault {
  return invalid(`${name} does not hold text alone`)
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('invalid_soap', { what, cause })
}
