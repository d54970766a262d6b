/**
 * Writes XML as X-Road's central server does (JAXB: four spaces, prefixes ns2 and ns3), every value escaped.
 */
import { Fault } from '#schemas/fault.ts'

export const XROAD_NAMESPACE = 'http://x-road.eu/xsd/xroad.xsd'
export const IDENTIFIERS_NAMESPACE = 'http://x-road.eu/xsd/identifiers'

/**
 * Sibling elements: a line, two lines with children one level deeper between them, or elements that only
 * newer versions have.
 */
export type Lines = (
  | string
  | { open: string; children: Lines; close: string }
  | { since: number; elements: Lines }
)[]

// XML 1.0 section 2.2: these characters cannot occur in a document, not even as references; nor can lone
// surrogates.
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const SPECIAL = /[&<>\r]/g
const ESCAPED: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }

function escapeText(text: string): string {
  if (NOT_XML.test(text) || !text.isWellFormed()) {
    throw new Fault('malformed_global_conf', { what: 'a value holds a character that XML does not allow' })
  }
  return text.replace(SPECIAL, (character) => ESCAPED[character] as string)
}

/** `<name>value</name>`, or nothing if the value is undefined. */
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
  return [{ open: `<${name}${head}>`, children, close: `</${name}>` }]
}

/** Elements that exist from this version of the schema on. */
export function since(version: number, elements: Lines): Lines {
  return elements.length === 0 ? [] : [{ since: version, elements }]
}

/** A whole document with root `ns3:<name>`. */
export function document(name: string, children: Lines): Buffer {
  return documentsIn(name, [children], [Number.POSITIVE_INFINITY])[0]!
}

/**
 * The document in several versions of its schema, in the order of `versions`. Each element becomes text
 * before the next one is taken: a large instance has half a million lines, most of which are equal in all
 * versions.
 */
export function documentsIn(name: string, elements: Iterable<Lines>, versions: readonly number[]): Buffer[] {
  const root = `ns3:${name}`
  const start = `<${root} xmlns:ns2="${IDENTIFIERS_NAMESPACE}" xmlns:ns3="${XROAD_NAMESPACE}"`
  const newestFirst = [...versions].sort((a, b) => b - a)
  const texts = new Map(versions.map((version): [number, string[]] => [version, []]))
  for (const element of elements) {
    let written: { text: string; oldest: number } | undefined
    for (const version of newestFirst) {
      // The text is the same if no version between the two added anything.
      if (written === undefined || version < written.oldest) written = write(element, INDENT, version)
      texts.get(version)!.push(written.text)
    }
  }
  return versions.map((version) => {
    const body = texts.get(version)!.join('')
    const whole = body === '' ? `${start}/>\n` : `${start}>\n${body}</${root}>\n`
    return Buffer.from(DECLARATION + whole)
  })
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const INDENT = '    '

/** The elements as lines, each child four spaces further in. */
export function indented(elements: Lines): string {
  return write(elements, '', Number.POSITIVE_INFINITY).text
}

/** The elements as text; `oldest` is the first version with the same text. */
function write(elements: Lines, before: string, version: number): { text: string; oldest: number } {
  const lines: string[] = []
  const oldest = add(elements, before, version, lines)
  return { text: lines.join(''), oldest }
}

function add(elements: Lines, before: string, version: number, lines: string[]): number {
  let oldest = 0
  for (const element of elements) {
    if (typeof element === 'string') lines.push(before, element, '\n')
    else if ('since' in element) {
      if (element.since > version) continue
      oldest = Math.max(oldest, element.since, add(element.elements, before, version, lines))
    } else {
      lines.push(before, element.open, '\n')
      oldest = Math.max(oldest, add(element.children, before + INDENT, version, lines))
      lines.push(before, element.close, '\n')
    }
  }
  return oldest
}
