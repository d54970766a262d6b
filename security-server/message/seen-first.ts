/**
 * What a person is shown of an answer before it leaves, and what leaves then. Guarantees that nothing leaves
 * beside that but what the request itself has said.
 */
import { hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { headerValue, headerValues } from '#core/transport/header-list.ts'
import { checkSoapConsistency } from '#core/transport/soap-consistency.ts'
import type { SoapMessage } from '#core/transport/soap-message.ts'
import { insertRequestHash } from '#core/transport/soap-request-hash.ts'
import { withoutSoapHeader } from '#core/transport/soap-without-header.ts'
import { writeSoapHeader } from '#core/transport/write-soap.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { MessageParts, Request, SystemAnswer } from './message.ts'
import { digestBesideHeader, readSoap } from './read-soap.ts'

export type SeenAnswer = {
  status: number
  contentType: string | undefined
  bytes: Buffer
  /** In the place of what the system wrote. */
  leaving: Pick<SystemAnswer, 'headers' | 'reason' | 'message'>
}

/** Why an answer cannot be shown. */
export type Unseen = { unseen: string }

type Asked = Pick<MessageParts, 'message' | 'messageSha512' | 'body'> & { request: Request }

/** Of the head of a REST answer only status and type leave. */
export async function seenOfRest(
  { status, headers, body }: SystemAnswer,
  mostBytes: number,
): Promise<SeenAnswer | Unseen> {
  const types = headerValues(headers, 'content-type')
  const coding = headerValue(headers, 'content-encoding') ?? 'identity'
  if (types.length > 1 || coding !== 'identity') return { unseen: 'its type is unclear, or it is coded' }
  if (body !== undefined && body.size > mostBytes) return tooLong(mostBytes)
  const bytes = body === undefined ? Buffer.alloc(0) : (body.bytes ?? (await buffer(body.open())))
  const [contentType] = types
  const kept: SystemAnswer['headers'] = contentType === undefined ? [] : [['Content-Type', contentType]]
  return { status, contentType, bytes, leaving: { headers: kept, reason: '' } }
}

/**
 * Of a SOAP answer the document without its header, which leaves with one that is written here: it repeats
 * the request, as the protocol wants of an answer, and says nothing else. The system's own has to repeat it
 * as well: else this is the answer to another call, and could be about another person. Throws
 * `service_failed`.
 */
export async function seenOfSoap(
  { status, message, body }: SystemAnswer,
  { request, messageSha512 }: Asked,
  mostBytes: number,
): Promise<SeenAnswer | Unseen> {
  if (body !== undefined) return { unseen: 'it has attachments' }
  if (message === undefined || request.soap === undefined) return { unseen: 'it has no SOAP message' }
  const { contentType } = message
  // With room for a header, which is not shown.
  if (message.bytes.length > 2 * mostBytes) return tooLong(mostBytes)
  try {
    const answered = await readSoap(message.bytes)
    if (!answered.isResponse) return { unseen: 'its element is not that of a response' }
    checkOfCall(request.soap, answered)
    const { before, after } = await withoutSoapHeader(message.bytes)
    const bytes = Buffer.concat([before, after])
    if (bytes.length > mostBytes) return tooLong(mostBytes)
    const whole = Buffer.concat([before, Buffer.from(writeSoapHeader(request.soap)), after])
    // What could not leave is not shown either: people would release it for nothing.
    checkSoapConsistency(request.soap, await readSoap(insertRequestHash(whole, messageSha512)))
    return {
      ...{ status, contentType, bytes },
      leaving: {
        ...{ headers: [['Content-Type', contentType]], reason: '' },
        message: { contentType, headers: [], bytes: whole },
      },
    }
  } catch (cause) {
    const { received, code } = asFault(cause)
    if (code === 'service_failed') throw cause
    // Words of the answer, which nobody was shown, do not leave: neither those of a failure, which this is as
    // a status of 500 is one, nor what a reader quotes of the document.
    if (received !== undefined) throw new Fault('service_failed', { what: 'it answered with a SOAP fault' })
    return { unseen: `it is no answer in SOAP: ${code}` }
  }
}

function checkOfCall(asked: SoapMessage, answered: SoapMessage): void {
  try {
    checkSoapConsistency(asked, answered)
  } catch (cause) {
    throw new Fault('service_failed', { what: `it answered another call: ${asFault(cause).what}`, cause })
  }
}

/**
 * SHA-256, hex, over what makes two calls one and the same: ids, and all else that stands in a header, differ
 * from call to call.
 */
export function callOfRest({ request, body }: Asked): string {
  const { method, servicePath, query } = request
  return digestOf([method, servicePath, query ?? null, body?.sha512.toString('hex') ?? null])
}

/** The same of SOAP. Throws `invalid_soap`. */
export async function callOfSoap({ message, body }: Asked): Promise<string> {
  return digestOf(['SOAP', await digestBesideHeader(message), body?.sha512.toString('hex') ?? null])
}

function digestOf(parts: readonly (string | null)[]): string {
  return hash('sha256', JSON.stringify(parts))
}

function tooLong(mostBytes: number): Unseen {
  return { unseen: `it has more than ${mostBytes} octets` }
}
