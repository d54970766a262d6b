/**
 * A SOAP document without its header, to the octet: what two messages have in common whose headers differ,
 * and what is left of one when another header is put into the place of its own.
 */
import { hash } from 'node:crypto'
import { namespacesIn, splitName, type Tag, tagsOf } from '#core/xml/tags.ts'
import { Fault } from '#schemas/fault.ts'
import { withSoapDocument } from './soap-document.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'

/**
 * What stands before the header, with the start of the envelope, and what stands behind it, with the body.
 */
type WithoutHeader = { before: Buffer; after: Buffer }

/**
 * `message` is one that parseSoapMessage has read. Throws `invalid_soap` when its header cannot be found, and
 * when what is left is anything but an envelope with a body: then something else was cut out than the header.
 */
export async function withoutSoapHeader(message: Buffer): Promise<WithoutHeader> {
  // A character an octet: places in the text are places in the message.
  const place = headerIn(message.toString('latin1'))
  if (place === undefined) throw new Fault('invalid_soap', { what: 'its header cannot be found' })
  const parts = { before: message.subarray(0, place.start), after: message.subarray(place.end) }
  const isBodyAlone = await withSoapDocument(Buffer.concat([parts.before, parts.after]), (root) => {
    const [body, ...more] = root.children()
    return [root, body].every((one) => one?.namespace === SOAP) && body?.name === 'Body' && more.length === 0
  })
  if (!isBodyAlone) throw new Fault('invalid_soap', { what: 'it cannot be parted into header and body' })
  return parts
}

/** SHA-256, hex, over what is left of it. Throws as `withoutSoapHeader`. */
export async function digestWithoutHeader(message: Buffer): Promise<string> {
  const { before, after } = await withoutSoapHeader(message)
  return hash('sha256', Buffer.concat([before, after]))
}

/** The first element in the envelope, where that is the header. */
function headerIn(text: string): { start: number; end: number } | undefined {
  let depth = 0
  let header: Tag | undefined
  let outer: ReadonlyMap<string, string> | undefined
  for (const tag of tagsOf(text)) {
    if (depth === 0) {
      if (tag.isEnd || tag.isEmpty) return undefined
      outer = namespacesIn(tag)
    } else if (depth === 1 && header === undefined) {
      const [prefix, local] = splitName(tag.name)
      if (tag.isEnd || local !== 'Header' || namespacesIn(tag, outer).get(prefix) !== SOAP) return undefined
      header = tag
    }
    if (!tag.isEmpty) depth += tag.isEnd ? -1 : 1
    if (header !== undefined && depth === 1) return { start: header.start, end: tag.end }
  }
  return undefined
}
