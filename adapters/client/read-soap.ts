/**
 * Reads a SOAP answer. Guarantees that it is the reply to this request: its identifiers are those that were
 * sent, and the hash in it, which the provider signed, is that of the document that was sent. A fault is an
 * ExchangeError.
 */
import { ExchangeError } from './exchange-error.ts'
import { identifier } from './identifiers.ts'
import { readSoapFault } from './read-fault.ts'
import { childOf, scanXml, textOf, type XmlNode } from './scan-xml.ts'
import { IDENTIFIERS, SOAP, XROAD } from './soap-document.ts'

type SoapReply = {
  /** The whole document, as it was signed. */
  document: string
  /** The element in its body, with the namespaces that it needs declared. */
  content: string
  /** requestHash of the header: what the provider signed that it answers. */
  requestHash: string | undefined
}

type Asked = { client: string; service: string; id: string; sha512: string; status: number }

const SHA512 = 'http://www.w3.org/2001/04/xmlenc#sha512'
const PARTS = ['xRoadInstance', 'memberClass', 'memberCode', 'subsystemCode', 'serviceCode', 'serviceVersion']

/** Throws the fault; `not_an_answer`, `inconsistent_answer`, `unreadable_answer`. */
export function readSoap(bytes: Uint8Array, asked: Asked): SoapReply {
  const document = decode(bytes, asked)
  const envelope = scanXml(document)
  if (typeof envelope === 'string') throw failed('unreadable_answer', asked, envelope)
  if (envelope.name !== 'Envelope' || envelope.namespace !== SOAP)
    throw failed('not_an_answer', asked, 'it is no SOAP envelope')
  const bodies = envelope.children.filter(({ name, namespace }) => name === 'Body' && namespace === SOAP)
  const [content, more] = bodies[0]?.children ?? []
  if (bodies.length !== 1 || content === undefined || more !== undefined)
    throw failed('unreadable_answer', asked, 'its body has not one element')
  if (content.name === 'Fault' && content.namespace === SOAP)
    throw readSoapFault(document, content, asked.status)
  const header = childOf(envelope, SOAP, 'Header')
  const wrong = [
    ...(fieldOf(document, header, 'id') === asked.id ? [] : ['id']),
    ...(identifierOf(document, header, 'client') === asked.client ? [] : ['client']),
    ...(identifierOf(document, header, 'service') === asked.service ? [] : ['service']),
  ]
  if (wrong.length > 0) throw failed('inconsistent_answer', asked, wrong.join(', '))
  const requestHash = hashIn(document, header)
  if (requestHash !== undefined && requestHash !== asked.sha512)
    throw failed('inconsistent_answer', asked, 'requestHash')
  return { document, content: withNamespaces(document, content), requestHash }
}

/** What stands around the element may be gone where it is read. */
function withNamespaces(document: string, { start, from, end, namespaces }: XmlNode): string {
  const written = document.slice(start, end)
  const [opening = ''] = /^<[^\s/>]+/.exec(written) ?? []
  const tag = document.slice(start, from)
  const missing = [...namespaces].filter(
    ([prefix, uri]) =>
      prefix !== 'xml' &&
      uri !== '' &&
      !new RegExp(`\\sxmlns${prefix === '' ? '' : `:${quoted(prefix)}`}\\s*=`).test(tag),
  )
  const declarations = missing.map(
    ([prefix, uri]) => ` xmlns${prefix === '' ? '' : `:${prefix}`}="${escapeAttribute(uri)}"`,
  )
  return opening + declarations.join('') + written.slice(opening.length)
}

function fieldOf(document: string, header: XmlNode | undefined, name: string): string | undefined {
  const all = header?.children.filter((one) => one.name === name && one.namespace === XROAD) ?? []
  return all.length === 1 ? textOf(document, all[0]!) : undefined
}

/** Undefined for one that is missing, doubled, or no identifier. */
function identifierOf(document: string, header: XmlNode | undefined, name: string): string | undefined {
  const all = header?.children.filter((one) => one.name === name && one.namespace === XROAD) ?? []
  if (all.length !== 1) return undefined
  const parts = all[0]!.children.filter(({ namespace }) => namespace === IDENTIFIERS)
  const names = parts.map((part) => part.name)
  if (new Set(names).size !== names.length || names.some((one) => !PARTS.includes(one))) return undefined
  const codes = PARTS.flatMap((part) => parts.filter((one) => one.name === part))
  try {
    return identifier(...codes.map((one) => textOf(document, one) ?? ''))
  } catch {
    return undefined
  }
}

function hashIn(document: string, header: XmlNode | undefined): string | undefined {
  const node = childOf(header, XROAD, 'requestHash')
  if (node === undefined) return undefined
  const [, algorithm = SHA512] =
    /\salgorithmId\s*=\s*["']([^"']*)["']/.exec(document.slice(node.start, node.from)) ?? []
  // Another algorithm says nothing to us.
  return algorithm === SHA512 ? textOf(document, node) : undefined
}

function decode(bytes: Uint8Array, asked: Asked): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw failed('unreadable_answer', asked, 'it is not UTF-8')
  }
  const [, encoding = 'utf-8'] =
    /^<\?xml[^>]*\sencoding\s*=\s*["']([^"']*)["']/.exec(text.slice(0, 200)) ?? []
  if (encoding.toLowerCase() !== 'utf-8')
    throw failed('unreadable_answer', asked, 'its encoding is not UTF-8')
  return text
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function escapeAttribute(text: string): string {
  return text.replace(/[&<"]/g, (mark) => ({ '&': '&amp;', '<': '&lt;', '"': '&quot;' })[mark]!)
}

function failed(
  code: 'not_an_answer' | 'inconsistent_answer' | 'unreadable_answer',
  { status }: Asked,
  what: string,
): ExchangeError {
  return new ExchangeError(code, { what, status, mayHaveBeenCarriedOut: true })
}
