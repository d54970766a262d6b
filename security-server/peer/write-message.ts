/**
 * Writes a transport message in the byte layout of pr-messtransp: OCSP responses, message, body, hash chain,
 * signature last.
 */
import { Readable } from 'node:stream'
import { closeText, newBoundary, partHeadText } from '#core/transport/multipart-writer.ts'
import { heldMemory } from '#platform/held-memory.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import type { Content } from '../message/body.ts'
import type { Codec } from '../message/codec.ts'
import { frameBody, framedPieces, joined } from '../message/frame-body.ts'
import type { PartHead, SignedParts } from '../message/message.ts'
import { createRateCheck } from '../message/minimum-rate.ts'

type OutgoingMessage = Omit<SignedParts, 'messageSha512'> & {
  codec: Pick<Codec, 'bodyFrame'>
  /** Of the message. */
  part: PartHead
  ocspResponses: Buffer[]
}

/** Text stands for its octets, so that all of them are written once. */
type Piece = Buffer | string

/**
 * Returns the content type with its boundary, and the content: one buffer when the body is in memory,
 * otherwise a function that opens a new stream.
 */
export function writeMessage(outgoing: OutgoingMessage): {
  contentType: string
  content: () => Buffer | Readable
  /** Ends the memory of content that is one buffer; only once nothing of it is to be sent any more. */
  letGo: () => void
} {
  const boundary = newBoundary('xtop')
  const before: Piece[] = []
  const add = (into: Piece[], type: string, bytes: Buffer): void => {
    into.push(partHeadText(boundary, type, before.length === 0), bytes)
  }
  for (const response of outgoing.ocspResponses) add(before, PART_TYPE.ocsp, response)
  const { part, body } = outgoing
  before.push(partHeadText(boundary, part.contentType, before.length === 0, part.headers), outgoing.message)
  const after: Piece[] = []
  const { hashChainResult, hashChain, signatures } = outgoing.signature
  if (hashChainResult !== undefined && hashChain !== undefined) {
    add(after, PART_TYPE.hashChainResult, hashChainResult)
    add(after, PART_TYPE.hashChain, hashChain)
  }
  add(after, PART_TYPE.signature, signatures)
  after.push(closeText(boundary))

  const contentType = `multipart/mixed; charset=UTF-8; boundary=${boundary}`
  const frame = body === undefined ? undefined : outgoing.codec.bodyFrame(body, boundary)
  const pieces = frame === undefined ? [] : framedPieces(body!, frame)
  if (pieces !== undefined) {
    const whole = joined([...before, ...pieces, ...after])
    return { contentType, content: () => whole, letGo: () => heldMemory.free(whole) }
  }
  const framed = frameBody(body!, frame!)
  const head = joined(before)
  const tail = joined(after)
  const content = (): Readable => Readable.from(stream(head, framed, tail), { objectMode: false })
  return { contentType, content, letGo: () => undefined }
}

async function* stream(before: Buffer, body: Content, after: Buffer): AsyncGenerator<Buffer> {
  yield before
  // The connection's time-outs end a silent peer; this check ends a peer that reads a chunk now and then.
  const checkRate = createRateCheck('peer_timeout')
  for await (const chunk of body.open() as AsyncIterable<Buffer>) {
    checkRate(chunk)
    yield chunk
  }
  yield after
}
