/**
 * The only module that calls witnesses over http or https. It does not check who answers: a cosignature is
 * verified with the pinned key of the witness, and a contradiction with the key of our own log.
 */
import { Agent, request } from 'undici'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { Fault } from '#schemas/fault.ts'
import { type AskWitness, MAX_REPLY_BYTES } from './ask-witness.ts'

const TIMEOUT_MS = 10_000
const dispatcher = new Agent()

/**
 * Asks the witness with the submission prefix `url`. Throws `network_error` when no complete answer arrives.
 */
export function createWitnessClient(url: string): AskWitness {
  const prefix = url.replace(/\/+$/, '')
  return async ({ method, path, body, contentType = 'text/plain' }) => {
    try {
      const reply = await request(`${prefix}${path}`, {
        method,
        ...(body === undefined ? {} : { body, headers: { 'content-type': contentType } }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
        dispatcher,
      })
      const { write, bytes } = collectBytes(MAX_REPLY_BYTES, () => new Error('the answer is too large'))
      for await (const chunk of reply.body as AsyncIterable<Buffer>) write(chunk)
      return {
        status: reply.statusCode,
        contentType: String(reply.headers['content-type'] ?? ''),
        body: bytes(),
      }
    } catch (cause) {
      throw new Fault('network_error', { what: `the witness at ${prefix}`, cause })
    }
  }
}
