/**
 * A call of a SOAP service. Guarantees that it is sent once, with X-Road's headers and nothing of the
 * caller's in their place, and that it ends in the provider's answer to it or in one ExchangeError;
 * attachments stream both ways.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { collect, headersOf, streamOf } from './answer.ts'
import { type LimitOptions, readLimits } from './call-limits.ts'
import { ExchangeError } from './exchange-error.ts'
import { MAX_FAULT_BYTES, readFault } from './read-fault.ts'
import { boundaryOf, type Part, readMultipart } from './read-multipart.ts'
import { readSoap } from './read-soap.ts'
import { readAll } from './request-body.ts'
import { type ExchangeOptions, type HeaderPair, newId } from './request-headers.ts'
import { soapDocument } from './soap-document.ts'
import { endedBy, type Transport } from './transport.ts'
import { type AttachmentToSend, writeMultipart } from './write-multipart.ts'

export type SoapOptions = Pick<
  ExchangeOptions,
  'id' | 'userId' | 'issue' | 'representedParty' | 'securityServer'
> &
  Omit<LimitOptions, 'retries'> & {
    /** Of an answer that the person has seen and released, as `preview_required` named it. */
    previewReference?: string
    /** SOAPAction, a URI; empty when absent. */
    action?: string
    attachments?: readonly AttachmentToSend[]
    /** Sends the document as XOP, whose xop:Include elements refer to the attachments. */
    mtom?: boolean
  }

/** A part of an answer. */
export type Attachment = {
  /** Content-ID, without angle brackets. */
  id: string | undefined
  contentType: string
  /** All of its head: Content-Transfer-Encoding is not undone. */
  headers: Headers
  /** As it comes; read it, or it is passed over when the next one is asked for. */
  body: AsyncIterable<Uint8Array>
}

export type SoapAnswer = {
  /** The whole SOAP document as it came. */
  document: string
  /** The one element in its body, with the namespaces declared that it needs. */
  content: string
  /** The id of its header: keep it with your own records, proofs are found by it. */
  id: string
  /**
   * What the provider signed that it answers: it was compared with what was sent. Absent where no server
   * wrote one.
   */
  requestHash: string | undefined
  /** Of the HTTP answer. */
  headers: Headers
  /**
   * One after the other, once; the deadline holds to the end of the last. Without them the connection is
   * held.
   */
  attachments: AsyncIterable<Attachment>
}

const SOAP_TYPE = /^\s*(?:text\/xml|application\/xop\+xml)\s*(?:;|$)/i
const ACTION = /^[\w\-.~:/?#[\]@!$&'()*+,;=%]*$/

/** `service` is the text of an identifier, with or without a version. */
export async function soapCall(q: {
  client: string
  service: string
  content: string
  options: SoapOptions
  transport: Transport
}): Promise<SoapAnswer> {
  const { client, service, content, options, transport } = q
  const { action = '', attachments = [], mtom: isMtom = false } = options
  if (!ACTION.test(action)) throw new ExchangeError('invalid_argument', { what: 'action is no URI' })
  const id = newId(client, options.id)
  const document = soapDocument({ client, service, id, fields: options, content })
  const isWhole = attachments.length === 0 && !isMtom
  const body = isWhole
    ? { content: document, contentType: 'text/xml; charset=utf-8' }
    : writeMultipart(document, attachments, isMtom)
  const { signal, maxAnswerBytes } = readLimits(options)
  const headers: HeaderPair[] = [
    ['Content-Type', body.contentType!],
    ['SOAPAction', `"${action}"`],
  ]
  try {
    const message = await transport.send({
      method: 'POST',
      target: '/',
      headers,
      content: body.content,
      signal,
    })
    const sha512 = createHash('sha512').update(document).digest('base64')
    return await readAnswer(message, { client, service, id, sha512, signal, maxAnswerBytes })
  } catch (thrown) {
    const error = thrown instanceof ExchangeError ? thrown : undefined
    if (error !== undefined) error.id = id
    throw error ?? (signal.aborted ? endedBy(signal, true) : thrown)
  }
}

type Asked = {
  client: string
  service: string
  id: string
  sha512: string
  signal: AbortSignal
  maxAnswerBytes: number
}

async function readAnswer(message: IncomingMessage, asked: Asked): Promise<SoapAnswer> {
  const { statusCode: status = 0, headers: raw } = message
  const header = (name: string): string | undefined => [raw[name]].flat().join(', ') || undefined
  const type = header('content-type') ?? ''
  const boundary = boundaryOf(type)
  const isSoap = boundary !== undefined || isSoapType(type)
  const chunks = readAll(streamOf(message, asked.signal))
  // Faults come with 200 from security servers, and with 500 from others (pr-mess, SOAP 1.1 section 6.2).
  if ((status !== 200 && status !== 500) || !isSoap) {
    const code = header('x-road-error')
    const said = await collect(chunks, MAX_FAULT_BYTES).catch(() => undefined)
    message.destroy()
    if (asked.signal.aborted) throw endedBy(asked.signal, true)
    if (code !== undefined)
      throw readFault({ status, code, retryAfter: header('retry-after'), body: said, now: Date.now() })
    throw new ExchangeError('not_an_answer', { what: 'it is no SOAP', status, mayHaveBeenCarriedOut: true })
  }
  try {
    const parts = boundary === undefined ? undefined : readMultipart(chunks, boundary)
    const bytes = await (parts === undefined
      ? collect(chunks, asked.maxAnswerBytes)
      : documentOf(await parts.next(), asked.maxAnswerBytes))
    const { document, content, requestHash } = readSoap(bytes, { ...asked, status })
    if (status !== 200)
      throw new ExchangeError('not_an_answer', {
        what: 'it is no fault',
        status,
        mayHaveBeenCarriedOut: true,
      })
    return {
      ...{ document, content, requestHash, id: asked.id, headers: headersOf(message.rawHeaders) },
      attachments: parts === undefined ? none() : attachmentsOf(parts),
    }
  } catch (thrown) {
    message.destroy()
    throw thrown
  }
}

/** The first part: no attachment comes before it (SOAP with attachments, section 3). */
async function documentOf({ done, value }: IteratorResult<Part>, most: number): Promise<Uint8Array> {
  const why = done === true ? 'it has no parts' : whyNoDocument(value.headers)
  if (done === true || why !== undefined)
    throw new ExchangeError('unreadable_answer', { what: why, mayHaveBeenCarriedOut: true })
  return collect(value.body, most)
}

function whyNoDocument(headers: Headers): string | undefined {
  const encoding = (headers.get('content-transfer-encoding') ?? 'binary').trim().toLowerCase()
  if (!['7bit', '8bit', 'binary'].includes(encoding)) return 'its document is encoded'
  return isSoapType(headers.get('content-type') ?? '') ? undefined : 'its first part is no SOAP'
}

function isSoapType(type: string): boolean {
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type) ?? []
  return SOAP_TYPE.test(type) && ['utf-8', 'utf8', 'us-ascii'].includes(charset.toLowerCase())
}

async function* attachmentsOf(parts: AsyncGenerator<Part>): AsyncGenerator<Attachment> {
  for await (const { headers, body } of parts) {
    const id = /^\s*<([^<>\s]+)>\s*$/.exec(headers.get('content-id') ?? '')?.[1]
    yield { id, contentType: headers.get('content-type') ?? 'application/octet-stream', headers, body }
  }
}

async function* none(): AsyncGenerator<Attachment> {}
