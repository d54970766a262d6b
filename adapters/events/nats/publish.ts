/**
 * Publishes to a subject that a stream keeps. Guarantees that it ends when JetStream has confirmed that it
 * keeps the message.
 */
import { JetStreamApiError, jetstream } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Broker } from '../broker.ts'
import { writeNatsHeaders } from './headers.ts'
import type { NatsLink } from './link.ts'

/** JetStream's codes for one message that a stream never takes: larger than it allows. */
const TOO_LARGE = 10_054

export function createPublish(q: {
  link: NatsLink
  confirmMs: number
  log: Log
  onReset(): void
}): Broker['publish'] {
  /** The highest place of a stream so far. */
  const last = new Map<string, number>()
  return async (message) => {
    const { ok, reason } = q.link.finding()
    if (!ok) throw new Fault('source_unavailable', { what: reason })
    const connection = await q.link.first
    try {
      const headers = writeNatsHeaders(message)
      const options = { headers, msgID: message.id, timeout: q.confirmMs }
      const { stream, seq, duplicate } = await jetstream(connection).publish(
        message.to,
        message.body,
        options,
      )
      if (!duplicate && seq <= (last.get(stream) ?? 0)) {
        q.log.warn({ stream }, 'the stream has begun anew: what it held before is gone from it')
        q.onReset()
      }
      if (!duplicate) last.set(stream, seq)
    } catch (cause) {
      throw faultOf(cause)
    }
  }
}

function faultOf(cause: unknown): Fault {
  const what = `NATS: ${(cause as Error).message}`
  const isOfMessage =
    cause instanceof errors.InvalidArgumentError ||
    (cause instanceof JetStreamApiError && cause.code === TOO_LARGE)
  return new Fault(isOfMessage ? 'source_refused' : 'source_unavailable', { what, cause })
}
