/**
 * SOAP as systems of members write it (pr-mess): one document, or a multipart whose first part is the
 * document and whose others are attachments. What they wrote is read here and written anew: nobody behind us
 * reads their boundaries.
 */
import { performance } from 'node:perf_hooks'
import type { Readable } from 'node:stream'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { boundaryOf, parseContentType } from '#core/transport/content-type.ts'
import { headerValue } from '#core/transport/header-list.ts'
import {
  createMultipartParser,
  type MultipartParser,
  type PartHandler,
} from '#core/transport/multipart-parser.ts'
import { closeDelimiter, newBoundary, partHead } from '#core/transport/multipart-writer.ts'
import { readStream } from '#core/transport/read-stream.ts'
import { checkPlain, checkSoapType } from '#core/transport/soap-consistency.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type AttachmentTaker,
  attachmentFrame,
  headOf,
  keptHeaders,
  PART_LIMITS,
  takeAttachments,
} from './attachments.ts'
import { createReadingBound } from './being-read.ts'
import type { Attachment, Body, BodySpool, Content, Taker } from './body.ts'
import { frameBody, wholeContent } from './frame-body.ts'
import type { MessagePart, PartHead } from './message.ts'
import { createRateCheck } from './minimum-rate.ts'
import { cutOff } from './take-content.ts'

const RELATED = 'multipart/related'
/**
 * Octets of documents that are being read: who sends them is not known before. The systems of an agency often
 * have one address, so half may be of one.
 */
const beginReading = createReadingBound({
  ...{ inAll: 256 * 1024 * 1024, ofOne: 128 * 1024 * 1024 },
  what: 'SOAP messages',
})
/**
 * For a document; attachments may take longer. X-Road waits for 30 s. Silence ends by the time-out of the
 * connection.
 */
const SLOWEST_MS = 60_000
/** With its line end. */
const MAX_LINE = 999
/** Names that no client makes up: others could say a secret in a log line. */
const NAMES: ReadonlySet<string> = new Set([
  'content-type',
  'content-id',
  'content-disposition',
  'content-transfer-encoding',
])

type Limits = { maxSoapBytes: number; maxBodyBytes: number }

/** The message part of a client's content, and the attachments, which are not read before they are wanted. */
type OpenedContent = {
  part: MessagePart
  takeAttachments(spool: BodySpool): Promise<Body | undefined>
  /** Once the message was read, or refused: until then it is one of those that are being read. */
  letGo(): void
}

/**
 * Reads `content` up to the end of its SOAP document. Throws `invalid_content_type`, `mime_parsing_failed`,
 * `body_too_large`.
 */
export async function openContent(q: {
  contentType: string | undefined
  content: Readable | undefined
  limits: Limits
  /** The address of its sender. */
  from?: string | undefined
}): Promise<OpenedContent> {
  const { content, limits } = q
  const reading = beginReading(q.from ?? '')
  const began = performance.now()
  const count = (octets: number): void => {
    if (performance.now() - began > SLOWEST_MS)
      throw new Fault('request_timeout', { what: 'the SOAP message' })
    reading.count(octets)
  }
  const taker = createSoapTaker(q.contentType, limits, { count, checkLine })
  const checkRate = createRateCheck('request_timeout')
  let pending: void | Promise<void>
  /** Stops behind the chunk in which the document ends, or at the end. */
  const read = async (isFar: () => boolean): Promise<void> => {
    if (content === undefined) return taker.hasParts ? undefined : taker.finish()
    try {
      // One document is read to its end: by events, which costs much less than by iterating.
      if (!taker.hasParts) {
        await readStream(content, (chunk) => {
          checkRate(chunk)
          return taker.push(chunk)
        })
        return taker.finish()
      }
      for await (const chunk of content.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        checkRate(chunk)
        pending = taker.push(chunk)
        if (isFar()) return
        await pending
      }
    } catch (cause) {
      throw cutOff(cause)
    }
    taker.finish()
  }
  const document = async (): Promise<MessagePart> => {
    await read(() => taker.part() !== undefined)
    const part = taker.part()
    if (part === undefined) throw new Fault('missing_soap', { what: 'the request has no SOAP message' })
    return part
  }
  const part = await document().catch((cause: unknown) => {
    reading.end()
    throw cause
  })
  return {
    part,
    letGo: reading.end,
    async takeAttachments(spool) {
      const attachments = takeAttachments({ spool, maxBytes: limits.maxBodyBytes })
      taker.letIn(attachments)
      try {
        await pending
        if (taker.hasParts && content?.readableEnded === false) await read(() => false)
        else taker.finish()
        return await attachments.end()
      } catch (cause) {
        await attachments.abort()
        throw cutOff(cause)
      }
    },
  }
}

/**
 * Takes the content of a system's answer whole: its document and its attachments. What it answers is done:
 * only what the asking server could not read fails.
 */
export function takeSoapAnswer(
  contentType: string | undefined,
  { spool, limits, isForXRoad }: { spool: BodySpool; limits: Limits; isForXRoad: boolean },
): Taker<{ message: MessagePart; body: Body | undefined }> {
  const attachments = takeAttachments({ spool, maxBytes: limits.maxBodyBytes })
  const checks = isForXRoad ? { checkLine } : {}
  const taker = ofSystem(() => createSoapTaker(contentType, limits, checks))
  taker.letIn(attachments)
  return {
    write: (chunk) => {
      const taking = ofSystem(() => taker.push(chunk))
      return taking?.catch(blameSystem)
    },
    async end() {
      ofSystem(taker.finish)
      const message = taker.part()
      if (message === undefined) throw new Fault('service_failed', { what: 'its answer has no SOAP message' })
      return { message, body: await attachments.end() }
    },
    abort: () => attachments.abort(),
  }
}

/** What is wrong with the content of an answer is the failure of the system that wrote it. */
function ofSystem<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    return blameSystem(cause)
  }
}

function blameSystem(cause: unknown): never {
  if (!(cause instanceof Fault) || !OF_CONTENT.has(cause.code)) throw cause
  throw new Fault('service_failed', { what: `its answer: ${cause.what ?? cause.message}`, cause })
}

const OF_CONTENT: ReadonlySet<string> = new Set([
  'headers_too_large',
  'invalid_content_type',
  'mime_parsing_failed',
])

type SoapTaker = {
  /** Whether attachments may follow. */
  hasParts: boolean
  /** A promise that does not settle waits for `letIn`. */
  push(chunk: Buffer): void | Promise<void>
  finish(): void
  /** The document, once it is whole. */
  part(): MessagePart | undefined
  /** Attachments may come in. */
  letIn(attachments: AttachmentTaker): void
}

function createSoapTaker(
  given: string | undefined,
  limits: Limits,
  checks: {
    /** Called with the octets of the document as they come; what it throws ends the reading. */
    count?: (octets: number) => void
    /** Called with each header as it will be written to the other server. */
    checkLine?: (name: string, value: string) => void
  },
): SoapTaker {
  const { count = () => undefined, checkLine: check = () => undefined } = checks
  const contentType = given ?? ''
  const { type, parameters } = parseContentType(contentType, 'systems')
  const gate = Promise.withResolvers<AttachmentTaker>()
  let part: MessagePart | undefined
  let rootId: string | undefined
  if (type !== RELATED) {
    checkSoapType(contentType)
    check('content-type', contentType)
    const whole = collect(limits.maxSoapBytes, count)
    return {
      hasParts: false,
      push: whole.write,
      finish: () => {
        part = { contentType, headers: [], bytes: whole.bytes() }
      },
      part: () => part,
      letIn: gate.resolve,
    }
  }
  const onPart = (headers: ReadonlyMap<string, string>, index: number): PartHandler => {
    for (const [name, value] of headers) check(name, value)
    if (index > 0) {
      if (rootId !== undefined && headers.get('content-id') === rootId)
        throw new Fault('mime_parsing_failed', { what: 'an attachment has the Content-ID of the message' })
      return lateHandler(gate.promise, headers)
    }
    checkSoapType(headers.get('content-type'))
    checkPlain(headers.get('content-transfer-encoding'))
    rootId = headers.get('content-id')
    checkStart(parameters.get('start'), headers.get('content-id'))
    const head = headOf({ headers: keptHeaders(headers) })
    const document = collect(limits.maxSoapBytes, count)
    return {
      write: document.write,
      end() {
        part = { ...head, bytes: document.bytes() }
      },
    }
  }
  const parser: MultipartParser = createMultipartParser({
    boundary: boundaryOf(contentType, 'systems'),
    limits: PART_LIMITS,
    dialect: 'systems',
    onPart,
  })
  return { hasParts: true, push: parser.push, finish: parser.finish, part: () => part, letIn: gate.resolve }
}

/**
 * A header of a part as it is written to the other server. X-Road reads no line of 1,000 octets, with its
 * end, and finds that out when all is sent.
 */
function checkLine(name: string, value: string): void {
  if (`${name}: ${value}\r\n`.length > MAX_LINE)
    throw new Fault('mime_parsing_failed', {
      what: `${NAMES.has(name) ? `the header ${name}` : 'a header'} of a part has a line of over ${MAX_LINE - 2} octets, which X-Road servers do not read`,
    })
}

/** An attachment that waits until attachments may come in. */
function lateHandler(gate: Promise<AttachmentTaker>, headers: ReadonlyMap<string, string>): PartHandler {
  let handler: PartHandler | undefined
  const opened = async (): Promise<PartHandler> => {
    handler ??= (await gate).begin(headers)
    return handler
  }
  return {
    write: (chunk) => (handler === undefined ? opened().then((to) => to.write(chunk)) : handler.write(chunk)),
    end: () => (handler === undefined ? opened().then((to) => to.end()) : handler.end()),
  }
}

/**
 * The first part is the message; a reader that looks for another by `start` (RFC 2387 3.2) would see another
 * message.
 */
function checkStart(start: string | undefined, contentId: string | undefined): void {
  if (start !== undefined && plainId(start) !== plainId(contentId))
    throw new Fault('mime_parsing_failed', { what: 'its start parameter names another part than the first' })
}

/** A Content-ID with or without its angle brackets, as RFC 2387 writes it in two ways. */
function plainId(id: string | undefined): string | undefined {
  return id?.replace(/^<|>$/g, '')
}

function idOf({ headers }: { headers: PartHead['headers'] }): string | undefined {
  return headerValue(headers, 'content-id')
}

/** A document that is counted while it comes. */
function collect(
  maxBytes: number,
  count: (octets: number) => void,
): { write(chunk: Buffer): void; bytes(): Buffer } {
  const tooLarge = (): Fault =>
    new Fault('body_too_large', { what: `a SOAP message of more than ${maxBytes} octets` })
  const { write, bytes } = collectBytes(maxBytes, tooLarge)
  return {
    write(chunk) {
      write(chunk)
      count(chunk.length)
    },
    bytes,
  }
}

/**
 * The message as a system gets it: the document alone, as X-Road sends it, or in a multipart/related with a
 * boundary of our own. `original` is the content type that the other system gave.
 */
export function writeContent(q: {
  original: string | undefined
  part: PartHead
  message: Buffer
  body: Body | undefined
}): { contentType: string; content: Content } {
  const { part, message, body } = q
  const original = relatedType(q.original)
  if (original === undefined && body === undefined)
    return { contentType: 'text/xml;charset=UTF-8', content: wholeContent(message) }
  // As X-Road's servers write it towards systems: X-Road-Metrics finds the parts of an answer by this.
  const boundary = newBoundary('xroad')
  const head = Buffer.concat([partHead(boundary, part.contentType, true, part.headers), message])
  const attachments = (body?.attachments ?? []).map(withPlainNames)
  const parameters = original ?? new Map([['type', 'text/xml']])
  const contentType = typeWith({ parameters, boundary, part, attachments })
  if (body === undefined)
    return { contentType, content: wholeContent(Buffer.concat([head, closeDelimiter(boundary)])) }
  return {
    contentType,
    content: frameBody(body, attachmentFrame({ head, boundary, attachments })),
  }
}

/**
 * Names of headers in lower case: so X-Road's servers write them too, and some programs look for nothing
 * else.
 */
function withPlainNames(attachment: Attachment): Attachment {
  const headers = attachment.headers.map(([name, value]): [string, string] => [name.toLowerCase(), value])
  return { ...attachment, headers }
}

/** The parameters of a multipart/related; undefined for another or an unreadable type. */
function relatedType(contentType: string | undefined): ReadonlyMap<string, string> | undefined {
  if (contentType === undefined) return undefined
  try {
    const { type, parameters } = parseContentType(contentType, 'systems')
    return type === RELATED ? parameters : undefined
  } catch {
    return undefined
  }
}

/**
 * What another server is told of a system's content type. An X-Road server writes for its own system with the
 * boundary that stands in it: the system's own could stand in an attachment behind a line end of another
 * kind, and X-Road misreads one with `=` but without quotes.
 */
export function typeForPeer(contentType: string): string {
  const parameters = relatedType(contentType)
  return parameters === undefined ? contentType : relatedWith(parameters, newBoundary('xroad'))
}

function relatedWith(parameters: Iterable<[name: string, value: string]>, boundary: string): string {
  const kept = [...parameters].filter(([name]) => name !== 'boundary')
  return `${RELATED}${kept.map(([name, value]) => `; ${name}="${value}"`).join('')}; boundary="${boundary}"`
}

/**
 * A peer's `start` may name another part than the one that was signed as the message: it stays only when it
 * does not.
 */
function typeWith(q: {
  parameters: ReadonlyMap<string, string>
  boundary: string
  part: PartHead
  attachments: Attachment[]
}): string {
  const { parameters, boundary, part, attachments } = q
  const contentId = idOf(part)
  const isSure = contentId !== undefined && !attachments.some((one) => idOf(one) === contentId)
  const kept = [...parameters].filter(
    ([name, value]) => name !== 'start' || (isSure && plainId(value) === plainId(contentId)),
  )
  return relatedWith(kept, boundary)
}
