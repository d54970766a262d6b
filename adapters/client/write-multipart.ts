/**
 * A SOAP document with attachments as multipart/related (SOAP with attachments; XOP for MTOM), written while
 * it is sent: no attachment is in memory.
 */
import { randomUUID } from 'node:crypto'
import { ExchangeError } from './exchange-error.ts'
import { chunksOf, type RawBody, type RequestBody } from './request-body.ts'

/** A part of a SOAP message beside its document. */
export type AttachmentToSend = {
  /** Content-ID, without angle brackets: `cid:` and this refers to it in the document. */
  id: string
  /** application/octet-stream when absent. */
  contentType?: string
  /** Sent as it is; a stream is read while it is sent. */
  content: RawBody
}

/** Of an address of a mail message (RFC 2392), without what a header would take apart. */
const ID = /^[A-Za-z0-9!#$%&'*+\-./=?^_`{|}~@]{1,200}$/
const TYPE =
  /^[A-Za-z0-9!#$&^_.+-]{1,100}\/[A-Za-z0-9!#$&^_.+-]{1,100}(?:; ?[A-Za-z0-9-]{1,50}=(?:[A-Za-z0-9._:+-]{1,100}|"[A-Za-z0-9 ._:/+=-]{0,100}"))*$/
const MAX_PARTS = 1000

/**
 * `isMtom`: the document is XOP, in which xop:Include elements refer to the attachments. Throws
 * `invalid_argument`.
 */
export function writeMultipart(
  document: Uint8Array,
  attachments: readonly AttachmentToSend[],
  isMtom: boolean,
): RequestBody {
  if (attachments.length > MAX_PARTS) throw refused(`there are over ${MAX_PARTS} attachments`)
  const ids = attachments.map(({ id }) => id)
  for (const [at, { id, contentType }] of attachments.entries()) {
    if (typeof id !== 'string' || !ID.test(id)) throw refused('the id of an attachment is no Content-ID')
    if (ids.indexOf(id) !== at) throw refused('two attachments have one id')
    if (contentType !== undefined && !TYPE.test(contentType))
      throw refused('the type of an attachment is no media type')
  }
  // 122 random bits, which stand in no attachment.
  const boundary = `soap-${randomUUID()}`
  const root = `${randomUUID()}@document`
  const type = isMtom ? 'application/xop+xml' : 'text/xml'
  const information = isMtom ? '; start-info="text/xml"' : ''
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
  const head = (id: string, contentType: string): Uint8Array =>
    encode(
      `--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <${id}>\r\n\r\n`,
    )
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield head(
      root,
      isMtom ? 'application/xop+xml; charset=UTF-8; type="text/xml"' : 'text/xml; charset=UTF-8',
    )
    yield document
    for (const { id, contentType = 'application/octet-stream', content } of attachments) {
      yield encode('\r\n')
      yield head(id, contentType)
      if (typeof content === 'string') yield encode(content)
      else if (content instanceof Uint8Array) yield content
      else yield* chunksOf(content)
    }
    yield encode(`\r\n--${boundary}--\r\n`)
  }
  return {
    content: parts(),
    contentType: `multipart/related; type="${type}"; start="<${root}>"${information}; boundary="${boundary}"`,
  }
}

function refused(what: string): ExchangeError {
  return new ExchangeError('invalid_argument', { what })
}
