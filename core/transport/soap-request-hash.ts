/**
 * The hash of the request in the header of a SOAP response (pr-mess): the provider's server puts it in, the
 * consumer's compares it. Only these bytes are added, everything else of the response stays as the system
 * wrote it.
 */
import { attributesOf, namespacesIn, splitName, type Tag, tagsOf } from '#core/xml/tags.ts'
import { Fault } from '#schemas/fault.ts'
import { DIGEST_URI } from '#schemas/wire.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
const NONE: ReadonlyMap<string, string> = new Map()
/** White space before a header field that is looked at. */
const MAX_BLANK = 200

/** A child of the SOAP header, from its start tag to the end of its end tag. */
type Field = { open: Tag; end: number; namespace: string }
type Opened = { tag: Tag; namespaces: ReadonlyMap<string, string> }

/**
 * Puts `sha512`, the SHA-512 of the request's SOAP part, behind the `id` of a response, with the white space
 * that stands before the `id`; hashes that were there are removed. `response` is a SOAP response that
 * parseSoapMessage has read. Throws `invalid_soap` when the `id` cannot be found.
 */
export function insertRequestHash(response: Buffer, sha512: Buffer): Buffer {
  // A character a byte: places in the text are places in the bytes.
  const text = response.toString('latin1')
  const fields = headerFields(text)
  const id = fields.find((field) => isField(field, 'id'))
  if (id === undefined) throw new Fault('invalid_soap', { what: 'the id in its header cannot be found' })
  const pieces: string[] = []
  let at = 0
  for (const field of fields) {
    const blank = blankBefore(text, field.open.start)
    if (field === id) pieces.push(text.slice(at, id.end), blank, elementLike(id.open, sha512))
    else if (isField(field, 'requestHash')) pieces.push(text.slice(at, field.open.start - blank.length))
    else continue
    at = field.end
  }
  pieces.push(text.slice(at))
  return Buffer.from(pieces.join(''), 'latin1')
}

/**
 * Named with the prefix of the `id` and with the declarations on its tag, so that it is in the same
 * namespace.
 */
function elementLike(id: Tag, sha512: Buffer): string {
  const [prefix] = splitName(id.name)
  const name = prefix === '' ? 'requestHash' : `${prefix}:requestHash`
  const declared = attributesOf(id).filter(({ name: one }) => one === 'xmlns' || one.startsWith('xmlns:'))
  const attributes = [...declared.map(({ written }) => written), `algorithmId="${DIGEST_URI['SHA-512']}"`]
  return `<${name} ${attributes.join(' ')}>${sha512.toString('base64')}</${name}>`
}

function isField({ open, namespace }: Field, local: string): boolean {
  return namespace === XROAD && splitName(open.name)[1] === local
}

/** The white space that ends at `at`. */
function blankBefore(text: string, at: number): string {
  return /[ \t\r\n]*$/.exec(text.slice(Math.max(0, at - MAX_BLANK), at))![0]
}

/** The children of the header, without reading the body. */
function headerFields(text: string): Field[] {
  const open: Opened[] = []
  const fields: Field[] = []
  for (const tag of tagsOf(text)) {
    if (tag.isEnd) {
      const last = open.pop()
      if (open.length === 2 && last !== undefined) fields.push(fieldOf(last, tag.end))
      if (open.length === 1) return fields
      continue
    }
    const outer = open.at(-1)?.namespaces ?? NONE
    // Below a field no name is asked for.
    const entry = { tag, namespaces: open.length > 2 ? outer : namespacesIn(tag, outer) }
    if (open.length === 1 && !isHeader(entry)) return fields
    if (!tag.isEmpty) open.push(entry)
    else if (open.length === 2) fields.push(fieldOf(entry, tag.end))
  }
  return fields
}

function isHeader({ tag, namespaces }: Opened): boolean {
  const [prefix, local] = splitName(tag.name)
  return local === 'Header' && namespaces.get(prefix) === SOAP
}

function fieldOf({ tag, namespaces }: Opened, end: number): Field {
  return { open: tag, end, namespace: namespaces.get(splitName(tag.name)[0]) ?? '' }
}
