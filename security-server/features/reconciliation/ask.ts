/**
 * Sends one step of a reconciliation to another security server. Guarantees that the answer has the shape and
 * size that the step allows. Distinguishes a server without this endpoint (X-Road's, or an older version of
 * this one) from one that refuses.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { readStream } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import { memberOf, parseServerId } from '#schemas/identifiers.ts'
import {
  RECONCILIATION_LIMITS,
  RECONCILIATION_PATH,
  type ReconciliationEnvelope,
  type ReconciliationQuestion,
} from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import { createRateCheck } from '../../message/minimum-rate.ts'
import type { PeerReply } from '../../peer/client.ts'
import type { ReconciliationRooms } from './rooms.ts'

/** The server has no such endpoint, so its days cannot be compared. */
export class NoEndpoint extends Error {}

const JSON_TYPE = /^application\/json\b/i
const MAX_DEPTH = 12

/**
 * Throws the peer's fault, `invalid_input` for an answer of another shape, NoEndpoint, or what `PeerClient`
 * throws.
 */
export async function ask<T>(
  server: string,
  question: ReconciliationQuestion,
  rooms: Pick<ReconciliationRooms, 'peerClient' | 'keys' | 'shapes'>,
): Promise<T> {
  const { ocspResponses } = rooms.keys.authenticationIdentity()
  const envelope: ReconciliationEnvelope = {
    ocspResponses: ocspResponses.map((one) => one.toString('base64')),
    question,
  }
  const content = Buffer.from(JSON.stringify(envelope))
  const wanted = parseServerId(server)
  const reply = await rooms.peerClient.post({
    provider: memberOf(wanted),
    wanted,
    path: RECONCILIATION_PATH,
    headers: { 'content-type': 'application/json' },
    content: () => content,
  })
  const isOurs = JSON_TYPE.test(reply.headers['content-type'] ?? '')
  if (!isOurs) {
    reply.content.destroy()
    throw new NoEndpoint(`${server} answered ${reply.statusCode} without JSON`)
  }
  const value = parseStrictJson(await read(reply), {
    maxLength: RECONCILIATION_LIMITS.bytes,
    maxDepth: MAX_DEPTH,
  })
  if (reply.statusCode !== 200) throw faultOf(value, server)
  return rooms.shapes.answer(question.step, value) as T
}

async function read(reply: PeerReply): Promise<Buffer> {
  const tooLarge = (): Fault => new Fault('invalid_input', { what: say`the answer is too large` })
  const { write, bytes } = collectBytes(RECONCILIATION_LIMITS.bytes, tooLarge)
  const checkRate = createRateCheck('peer_timeout')
  try {
    await readStream(reply.content, (chunk) => {
      checkRate(chunk)
      write(chunk)
    })
  } catch (cause) {
    reply.content.destroy()
    throw cause
  }
  return bytes()
}

function faultOf(value: unknown, server: string): Error {
  const { type, message, detail } = (value ?? {}) as Record<string, unknown>
  if (typeof type !== 'string') return new NoEndpoint(`${server} answered a fault of another form`)
  const text = (one: unknown): string => (typeof one === 'string' ? one.slice(0, 300) : '')
  return Fault.fromPeer({ type: text(type), message: text(message), detail: text(detail) })
}
