/**
 * Reads a transport message from a stream and guarantees its shape: the parts of pr-messtransp in order, each
 * bounded in size, none after the signature. A fault part in a reply is thrown as the peer's fault.
 */
import { hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { receivedFault } from '#core/transport/fault-xml.ts'
import { boundaryOf, type PartHandler, readMultipart } from '#core/transport/multipart-reader.ts'
import { mimeName } from '#core/transport/multipart-writer.ts'
import type { ByteSource } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import type { Body, BodySpool, Taker } from '../message/body.ts'
import type { Codec, ReadLimits } from '../message/codec.ts'
import type { MessagePart, PartHead, SignedParts } from '../message/message.ts'
import { createRateCheck } from '../message/minimum-rate.ts'

/** `Head` is the value that `onMessage` made from the message part. */
export type ReceivedParts<Head = unknown> = SignedParts & {
  ocspResponses: Buffer[]
  /** Of the message part. */
  part: PartHead
  head: Head
}

type WireCodec = Pick<Codec, 'name' | 'isMessage' | 'maxMessageBytes' | 'bodyType' | 'bodyTaker'>

const MAX_PARTS = 16
const MAX_OCSP_RESPONSES = 10
/** The total of all OCSP responses: the sender is not known yet. */
const MAX_OCSP_BYTES = 128 * 1024
const MAX_PART_BYTES = 256 * 1024

const RANK = { ocsp: 0, message: 1, body: 2, hashChainResult: 3, hashChain: 4, signature: 5 } as const

/** The order of the parts: each kind may follow only kinds of lower rank; only OCSP responses may repeat. */
function rankOf(type: string, half: 'request' | 'reply', codec: WireCodec): number | undefined {
  if (codec.isMessage(type, half)) return RANK.message
  switch (type) {
    case PART_TYPE.ocsp:
      return RANK.ocsp
    case codec.bodyType:
      return RANK.body
    case PART_TYPE.hashChainResult:
      return RANK.hashChainResult
    case PART_TYPE.hashChain:
      return RANK.hashChain
    case PART_TYPE.signature:
      return RANK.signature
    default:
      return undefined
  }
}

/**
 * Reads `source` to its end. `onMessage` is called when the message part is complete, before any byte of the
 * body is spooled; it may refuse the message by throwing. On any failure the spooled body is removed.
 */
export async function readMessage<Head>(q: {
  source: Readable | ByteSource
  contentType: string
  codec: WireCodec
  half: 'request' | 'reply'
  spool: BodySpool
  limits: ReadLimits
  /** The code of the fault when the message arrives too slowly. */
  tooSlow: 'request_timeout' | 'peer_timeout'
  /** Called for every chunk; an error that it throws ends the reading. */
  onProgress?: () => void
  /**
   * Called with the octets that are kept in memory, as they come; an error that it throws ends the reading.
   */
  onKept?: (octets: number) => void
  onMessage(message: MessagePart, ocspResponses: Buffer[]): Head | Promise<Head>
}): Promise<ReceivedParts<Head>> {
  const { codec, half } = q
  const parts = new Map<string, Buffer>()
  const ocspResponses: Buffer[] = []
  const spooling: { body?: Body; pending?: Taker<Body> } = {}
  let read: { message: MessagePart; head: Head } | undefined
  let rank = -1
  const collect = (maxBytes: number, done: (bytes: Buffer) => void | Promise<void>): PartHandler => {
    const tooLarge = (): Fault =>
      new Fault('invalid_message', { what: `a part is larger than ${maxBytes} bytes` })
    const { write, bytes } = collectBytes(maxBytes, tooLarge)
    const kept = (chunk: Buffer): void => {
      write(chunk)
      q.onKept?.(chunk.length)
    }
    return { write: kept, end: () => done(bytes()) }
  }

  const onPart = (headers: ReadonlyMap<string, string>): PartHandler => {
    const contentType = headers.get('content-type') ?? ''
    const type = typeOf(contentType)
    if (rank === RANK.signature) throw new Fault('invalid_message', { what: 'a part follows the signature' })
    // Before the message of SOAP that is what the type means.
    if (type === PART_TYPE.fault && !(codec.isMessage(type, half) && rank < RANK.message)) {
      return collect(MAX_PART_BYTES, half === 'reply' ? throwPeerFault : throwBrokenOff)
    }
    const next = rankOf(type, half, codec)
    if (
      next === undefined ||
      next < rank ||
      (next === rank && next !== RANK.ocsp) ||
      (next > RANK.message && rank < RANK.message)
    ) {
      throw new Fault('invalid_message', {
        what: `the part ${JSON.stringify(type.slice(0, 60))} stands in the wrong place`,
      })
    }
    rank = next
    if (next === RANK.body) {
      const { spool } = q
      return spoolBody(codec.bodyTaker(contentType, { spool, maxBytes: q.limits.maxBodyBytes }), spooling)
    }
    if (next === RANK.ocsp) {
      if (ocspResponses.length === MAX_OCSP_RESPONSES)
        throw new Fault('invalid_message', { what: 'too many OCSP responses' })
      const left = ocspResponses.reduce((bytes, one) => bytes - one.length, MAX_OCSP_BYTES)
      return collect(left, (bytes) => void ocspResponses.push(bytes))
    }
    if (next === RANK.message) {
      const others = [...headers].filter(([name]) => name !== 'content-type')
      const part = {
        contentType,
        headers: others.map(([name, value]): [string, string] => [mimeName(name), value]),
      }
      return collect(codec.maxMessageBytes(q.limits), async (bytes) => {
        // A fault may stand in the place of a SOAP message (pr-messtransp).
        if (half === 'reply' && type === PART_TYPE.fault && bytes.includes('Fault')) throwIfFault(bytes)
        const message = { ...part, bytes }
        read = { message, head: await q.onMessage(message, ocspResponses) }
      })
    }
    return collect(MAX_PART_BYTES, (bytes) => void parts.set(type, bytes))
  }

  try {
    const limits = { maxParts: MAX_PARTS, maxHeaderBytes: 16 * 1024 }
    const boundary = boundaryOf(q.contentType)
    const checkRate = createRateCheck(q.tooSlow)
    const watch = (chunk: Buffer): void => {
      checkRate(chunk)
      q.onProgress?.()
    }
    await readMultipart({ source: q.source, watch, boundary, limits, onPart })
    if (read === undefined) throw new Fault(codec.name === 'REST' ? 'missing_rest' : 'missing_soap')
    return assemble(parts, read, ocspResponses, spooling.body)
  } catch (cause) {
    await spooling.pending?.abort()
    await spooling.body?.discard()
    throw cause
  }
}

const PLAIN_TYPES: ReadonlySet<string> = new Set(Object.values(PART_TYPE))

/** The media type without parameters, in lower case. */
function typeOf(contentType: string): string {
  return PLAIN_TYPES.has(contentType) ? contentType : contentType.split(';')[0]!.trim().toLowerCase()
}

function assemble<Head>(
  parts: Map<string, Buffer>,
  read: { message: MessagePart; head: Head },
  ocspResponses: Buffer[],
  body: Body | undefined,
): ReceivedParts<Head> {
  const signatures = parts.get(PART_TYPE.signature)
  if (signatures === undefined) throw new Fault('missing_signature')
  const hashChainResult = parts.get(PART_TYPE.hashChainResult)
  const hashChain = parts.get(PART_TYPE.hashChain)
  if ((hashChainResult === undefined) !== (hashChain === undefined)) {
    throw new Fault('malformed_hash_chain', { what: 'the hash chain and its result come together' })
  }
  const { message: part, head } = read
  const { contentType, headers, bytes: message } = part
  const messageSha512 = hash('sha512', message, 'buffer')
  return {
    ocspResponses,
    part: { contentType, headers },
    head,
    message,
    messageSha512,
    body,
    signature: { signatures, hashChainResult, hashChain },
  }
}

function spoolBody(pending: Taker<Body>, spooling: { body?: Body; pending?: Taker<Body> }): PartHandler {
  spooling.pending = pending
  return {
    write: (chunk) => pending.write(chunk),
    async end() {
      spooling.body = await pending.end()
      delete spooling.pending
    },
  }
}

/** Refusals are signed by us, so they must not quote the fault text of the requester. */
function throwBrokenOff(): never {
  throw new Fault('invalid_message', { what: 'the sender broke its request off with a fault' })
}

function throwPeerFault(bytes: Buffer): never {
  throwIfFault(bytes)
  throw new Fault('invalid_message', { what: 'a text/xml part is no fault' })
}

function throwIfFault(bytes: Buffer): void {
  const fault = receivedFault(bytes)
  if (fault !== undefined) throw Fault.fromPeer(fault)
}
