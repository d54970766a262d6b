/**
 * Reads a transport message as it streams in and guarantees its shape: the parts of wire 2.3 in their order, each
 * bounded, nothing after the signature. A fault that stands in for a part of a reply is thrown as the peer's fault.
 */
import { hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { parseSoapFault } from '#core/transport/fault-xml.ts'
import { boundaryOf, type PartHandler, readMultipart } from '#core/transport/multipart-reader.ts'
import type { ByteSource } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import type { Body, BodySpool, MessageSignature } from './message.ts'
import { createPace } from './pace.ts'

export type ReceivedParts = {
  ocspResponses: Buffer[]
  message: Buffer
  messageSha512: Buffer
  body: Body | undefined
  signature: MessageSignature
}

export type ReadLimits = { maxMessageBytes: number; maxBodyBytes: number }

const MAX_PARTS = 16
const MAX_OCSP_RESPONSES = 10
const MAX_PART_BYTES = 256 * 1024

/** The order of the parts: each kind may follow only kinds of lower rank; OCSP responses alone repeat. */
const RANK: ReadonlyMap<string, number> = new Map([
  [PART_TYPE.ocsp, 0],
  [PART_TYPE.restRequest, 1],
  [PART_TYPE.restResponse, 1],
  [PART_TYPE.restBody, 2],
  [PART_TYPE.hashChainResult, 3],
  [PART_TYPE.hashChain, 4],
  [PART_TYPE.signature, 5],
])

/**
 * Reads to the end of `source`. `onMessage` is called when the message part is complete, before any byte of the body is
 * spooled: it may refuse early by throwing. On any failure the spooled body is removed.
 */
export async function readMessage(q: {
  source: Readable | ByteSource
  contentType: string
  messageType: typeof PART_TYPE.restRequest | typeof PART_TYPE.restResponse
  spool: BodySpool
  limits: ReadLimits
  /** The fault when it only trickles in. */
  tooSlow: 'request_timeout' | 'peer_timeout'
  /** Called as bytes come; what it throws ends the reading. */
  onProgress?: () => void
  onMessage?: (message: Buffer, ocspResponses: Buffer[]) => void | Promise<void>
}): Promise<ReceivedParts> {
  const parts = new Map<string, Buffer>()
  const ocspResponses: Buffer[] = []
  const spooling: { body?: Body; pending?: ReturnType<BodySpool['begin']> } = {}
  let rank = -1

  const onPart = (headers: ReadonlyMap<string, string>): PartHandler => {
    const type = typeOf(headers.get('content-type') ?? '')
    if (rank === 5) throw new Fault('invalid_message', { what: 'a part follows the signature' })
    if (type === PART_TYPE.fault) {
      const isReply = q.messageType === PART_TYPE.restResponse
      return collect(MAX_PART_BYTES, isReply ? throwPeerFault : throwBrokenOff)
    }
    const next = RANK.get(type)
    const wrongKind = next === 1 && type !== q.messageType
    if (
      next === undefined ||
      wrongKind ||
      next < rank ||
      (next === rank && next !== 0) ||
      (next > 1 && rank < 1)
    ) {
      throw new Fault('invalid_message', {
        what: `the part ${JSON.stringify(type.slice(0, 60))} stands in the wrong place`,
      })
    }
    rank = next
    if (type === PART_TYPE.restBody) return spoolBody(q.spool, q.limits.maxBodyBytes, spooling)
    if (type === PART_TYPE.ocsp) {
      if (ocspResponses.length === MAX_OCSP_RESPONSES)
        throw new Fault('invalid_message', { what: 'too many OCSP responses' })
      return collect(MAX_PART_BYTES, (bytes) => void ocspResponses.push(bytes))
    }
    if (type === q.messageType) {
      return collect(q.limits.maxMessageBytes, (bytes) => {
        parts.set(type, bytes)
        return q.onMessage?.(bytes, ocspResponses)
      })
    }
    return collect(MAX_PART_BYTES, (bytes) => void parts.set(type, bytes))
  }

  try {
    const limits = { maxParts: MAX_PARTS, maxHeaderBytes: 16 * 1024 }
    const boundary = boundaryOf(q.contentType)
    const keepPace = createPace(q.tooSlow)
    const watch = (chunk: Buffer): void => {
      keepPace(chunk)
      q.onProgress?.()
    }
    await readMultipart({ source: q.source, watch, boundary, limits, onPart })
    return assemble(parts, q.messageType, ocspResponses, spooling.body)
  } catch (cause) {
    await spooling.pending?.abort()
    await spooling.body?.discard()
    throw cause
  }
}

/** Without parameters, in lower case. */
function typeOf(contentType: string): string {
  return RANK.has(contentType) ? contentType : contentType.split(';')[0]!.trim().toLowerCase()
}

function assemble(
  parts: Map<string, Buffer>,
  messageType: string,
  ocspResponses: Buffer[],
  body: Body | undefined,
): ReceivedParts {
  const message = parts.get(messageType)
  if (message === undefined) throw new Fault('missing_rest')
  const signatures = parts.get(PART_TYPE.signature)
  if (signatures === undefined) throw new Fault('missing_signature')
  const hashChainResult = parts.get(PART_TYPE.hashChainResult)
  const hashChain = parts.get(PART_TYPE.hashChain)
  if ((hashChainResult === undefined) !== (hashChain === undefined)) {
    throw new Fault('malformed_hash_chain', { what: 'the hash chain and its result come together' })
  }
  const messageSha512 = hash('sha512', message, 'buffer')
  return {
    ocspResponses,
    message,
    messageSha512,
    body,
    signature: { signatures, hashChainResult, hashChain },
  }
}

function collect(maxBytes: number, done: (bytes: Buffer) => void | Promise<void>): PartHandler {
  const chunks: Buffer[] = []
  let size = 0
  return {
    write(chunk) {
      size += chunk.length
      if (size > maxBytes)
        throw new Fault('invalid_message', { what: `a part is larger than ${maxBytes} bytes` })
      chunks.push(chunk)
    },
    // A copy: a slice would keep the whole chunk of the socket alive for as long as a part is kept.
    end: () => done(Buffer.concat(chunks)),
  }
}

function spoolBody(
  spool: BodySpool,
  maxBytes: number,
  spooling: { body?: Body; pending?: ReturnType<BodySpool['begin']> },
): PartHandler {
  const pending = spool.begin({ maxBytes })
  spooling.pending = pending
  return {
    write: (chunk) => pending.write(chunk),
    async end() {
      spooling.body = await pending.end()
      delete spooling.pending
    },
  }
}

/** What we refuse we sign for: the words of who asks must not become ours. */
function throwBrokenOff(): never {
  throw new Fault('invalid_message', { what: 'the sender broke its request off with a fault' })
}

function throwPeerFault(bytes: Buffer): never {
  const fault = parseSoapFault(bytes)
  throw fault === undefined
    ? new Fault('invalid_message', { what: 'a text/xml part is no fault' })
    : Fault.fromPeer(fault)
}
