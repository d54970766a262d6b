/** Writes XML as X-Road's central server does (JAXB: four spaces, prefixes ns2 and ns3), every value escaped. */
import { Fault } from '#schemas/fault.ts'

export const XROAD_NAMESPACE = 'http://x-road.eu/xsd/xroad.xsd'
export const IDENTIFIERS_NAMESPACE = 'http://x-road.eu/xsd/identifiers'

/** An element and its content, one string a line, without indentation. */
export type Lines = string[]

// XML 1.0 section 2.2: these cannot stand in a document, not even as references.
const NOT_XML =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
const SPECIAL = /[&<>\r]/g
const ESCAPED: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }

function escapeText(text: string): string {
  if (NOT_XML.test(text)) {
    throw new Fault('malformed_global_conf', { what: 'a value holds a character that XML does not allow' })
  }
  return text.replace(SPECIAL, (character) => ESCAPED[character] as string)
}

/** `<name>value</name>`, or nothing when there is no value. */
export function leaf(name: string, value: string | number | boolean | Buffer | undefined): Lines {
  if (value === undefined) return []
  const text = Buffer.isBuffer(value) ? value.toString('base64') : escapeText(String(value))
  return [text === '' ? `<${name}/>` : `<${name}>${text}</${name}>`]
}

/** An element with children, one level deeper. */
export function branch(name: string, children: Lines, attributes: Record<string, string> = {}): Lines {
  const head = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeText(value).replaceAll('"', '&quot;')}"`)
    .join('')
  if (children.length === 0) return [`<${name}${head}/>`]
  return [`<${name}${head}>`, ...children.map((line) => `    ${line}`), `</${name}>`]
}

/** A whole document with root `ns3:<name>`. */
export function document(name: string, children: Lines): Buffer {
  const root = branch(`ns3:${name}`, children, {
    'xmlns:ns2': IDENTIFIERS_NAMESPACE,
    'xmlns:ns3': XROAD_NAMESPACE,
  })
  const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
  return Buffer.from([declaration, ...root].join('\n') + '\n')
}
