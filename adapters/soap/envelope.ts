/**
 * SOAP messages by HTTP: the request's envelope with its content type and action, and what the answer's
 * envelope holds. Attachments are refused, and of a fault no more than its code is believed. What a security
 * server answers is bound to what it was asked.
 */
import type { Readable } from 'node:stream'
import type { SystemAnswer } from '#adapters/kit/system/open-system.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import type { SoapVersion } from '#core/wsdl/read-operations.ts'
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { isPlainText } from '#platform/plain-text.ts'
import { Fault, isCodeOfServers } from '#schemas/fault.ts'
import { idText, type ServiceId } from '#schemas/identifiers.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import type { Asked } from './xroad-header.ts'

const NAMESPACE: Record<SoapVersion, string> = {
  '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
  '1.2': 'http://www.w3.org/2003/05/soap-envelope',
}
/**
 * Faults come with 500 (SOAP 1.1 section 6.2), that of a sender with 400 (SOAP 1.2 part 2 section 7.5.2.2).
 */
const STATUSES: ReadonlySet<number> = new Set([200, 400, 500])
const TYPES: Record<SoapVersion, string> = { '1.1': 'text/xml', '1.2': 'application/soap+xml' }
const BOUNDS = { elements: 200_000, nodes: 500_000, depth: 128, scope: 500, attributes: 100, isHuge: true }
const MAX_TEXT = 500
/** Of the code of a fault, as the log has it. */
const CODE = /^(?:[A-Za-z][\w-]{0,49}:)?[A-Za-z][\w.-]{0,99}$/

/** `exchange`: what was asked through a security server, whose answer names it again. */
type Q = {
  version: SoapVersion
  bytes: number
  faultTexts: boolean
  exchange?: (Asked & { sha512: string }) | undefined
}

type Operation = { version: SoapVersion; action: string }

export function writeEnvelope(
  { version, action }: Operation,
  header: string,
  body: string,
): { headers: Record<string, string>; body: Buffer } {
  const head = header === '' ? '' : `<soap:Header>${header}</soap:Header>`
  const text =
    '<?xml version="1.0" encoding="UTF-8"?>' +
    `<soap:Envelope xmlns:soap="${NAMESPACE[version]}">${head}<soap:Body>${body}</soap:Body></soap:Envelope>`
  // A URI in a quoted string of a header: whatever could end it is encoded.
  const quoted = `"${action.replace(/[^\x21\x23-\x5b\x5d-\x7e]/gu, encodeURIComponent)}"`
  const headers: Record<string, string> =
    version === '1.1'
      ? { 'content-type': 'text/xml; charset=utf-8', soapaction: quoted }
      : { 'content-type': `application/soap+xml; charset=utf-8; action=${quoted}` }
  return { headers: { ...headers, accept: TYPES[version] }, body: Buffer.from(text) }
}

/**
 * The one element in the body. Throws `source_refused`, `source_failed`, `source_timeout`,
 * `answer_too_large`, and the fault of a security server as it came.
 */
export async function readEnvelope(answer: SystemAnswer, q: Q): Promise<XmlElement> {
  const why = whyUnreadable(answer, q.version)
  if (why !== undefined) {
    answer.body.on('error', () => undefined).destroy()
    throw failed(why)
  }
  const bytes = await readAll(answer.body, q.bytes)
  // Without the parser's own words, which may quote the answer.
  const refuse = (what: string): Fault => failed(`its answer is not what SOAP is: ${what}`)
  const root = await readTree(bytes, { ...BOUNDS, bytes: q.bytes, dropBlanks: true, refuse })
  const namespace = NAMESPACE[q.version]
  if (root.name !== 'Envelope' || root.namespace !== namespace)
    throw refuse(`an Envelope of SOAP ${q.version} is needed`)
  const [body, second] = root.children.filter((one) => one.name === 'Body' && one.namespace === namespace)
  const [content, more] = body?.children ?? []
  if (content === undefined || second !== undefined || more !== undefined)
    throw refuse('one Body with one element is needed')
  if (content.namespace === namespace && content.name === 'Fault') throw faultOf(content, q)
  if (answer.status !== 200) throw failed(`it answered ${answer.status} without a fault`)
  if (q.exchange !== undefined) await checkExchange(bytes, q.exchange)
  return content
}

/** The answer to another request is none: the server signed what it answers, and to whom (pr-mess). */
async function checkExchange(bytes: Buffer, { client, service, id, sha512 }: NonNullable<Q['exchange']>) {
  const found = await parseSoapMessage(bytes).catch((cause: unknown) => {
    if (cause instanceof Fault) throw failed(`it answered, and not as a security server does: ${cause.code}`)
    throw cause
  })
  const hash = found.requestHash
  const differs = [
    idText(found.client) === client ? [] : 'client',
    idText(found.service as ServiceId) === service ? [] : 'service',
    found.id === id ? [] : 'id',
    hash?.algorithmId === DIGEST_URI['SHA-512'] && hash.value.trim() === sha512 ? [] : 'requestHash',
  ].flat()
  if (differs.length > 0) throw failed(`its answer belongs to another request: ${differs.join(', ')}`)
}

function whyUnreadable({ status, headers }: SystemAnswer, version: SoapVersion): string | undefined {
  const type = String(headers['content-type'] ?? '')
  if (/^\s*multipart\//i.test(type))
    return 'it answered with attachments (MIME), which this adapter does not take'
  if (!STATUSES.has(status)) return `it answered ${status}`
  if (headers['content-encoding'] !== undefined) return 'its answer is compressed, which nobody asked for'
  const [media = '', ...parameters] = type.toLowerCase().split(';')
  if (media.trim() !== TYPES[version]) return `it answered ${status} and no ${TYPES[version]}`
  const charset = parameters.map((one) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(one)?.[1]).find(Boolean)
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii')
    return 'its answer is not in UTF-8'
  return undefined
}

/** Throws `answer_too_large`, `source_timeout`, `source_interrupted`. */
export async function readAll(body: Readable, most: number): Promise<Buffer> {
  const tooLarge = (): Fault => new Fault('answer_too_large', { what: `it has more than ${most} bytes` })
  const { write, bytes } = collectBytes(most, tooLarge)
  try {
    for await (const piece of body as AsyncIterable<Buffer>) write(piece)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    const { code, name } = cause as { code?: unknown; name?: unknown }
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
      throw new Fault('answer_too_large', { what: `it has more than ${most} bytes`, cause })
    if (code === 'UND_ERR_BODY_TIMEOUT' || name === 'TimeoutError')
      throw new Fault('source_timeout', { what: 'the request may have been carried out', cause })
    throw new Fault('source_interrupted', { cause })
  }
  return bytes()
}

/**
 * SOAP 1.1 section 4.4.1: `Client.Authentication` is a `Client`, too. The detail, and where it came from,
 * stay at home.
 */
function faultOf(fault: XmlElement, { version, faultTexts, exchange }: Q): Fault {
  const [code, text] =
    version === '1.1'
      ? [textAt(fault, 'faultcode'), textAt(fault, 'faultstring')]
      : [textAt(fault, 'Code', 'Value'), textAt(fault, 'Reason', 'Text')]
  const isKnown = CODE.test(code)
  if (exchange !== undefined && isKnown && isCodeOfServers(code)) {
    const detail = textAt(fault, 'detail', 'faultDetail') || textAt(fault, 'detail')
    return Fault.fromPeer({ type: code, message: plain(text, 4096), detail: plain(detail, 4096) })
  }
  const local = code.slice(code.indexOf(':') + 1)
  const [first = ''] = local.toLowerCase().split('.', 1)
  const isClients = first === (version === '1.1' ? 'client' : 'sender')
  const cause = new Error(`it answered a SOAP fault ${isKnown ? local : 'without a code'}`)
  if (!isClients) return new Fault('source_failed', { cause })
  const said = text.trim().slice(0, MAX_TEXT)
  return new Fault('source_refused', {
    what: faultTexts && isPlainText(said, MAX_TEXT) ? said : undefined,
    cause,
  })
}

function plain(text: string, most: number): string {
  return isPlainText(text, most) ? text : ''
}

function textAt(element: XmlElement, ...names: string[]): string {
  let found: XmlElement | undefined = element
  for (const name of names) found = found?.children.find((child) => child.name === name)
  return (found?.text ?? '').trim()
}

function failed(why: string): Fault {
  return new Fault('source_failed', { cause: new Error(why) })
}
