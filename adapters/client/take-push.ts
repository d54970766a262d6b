/**
 * Events that the own security server pushes. Guarantees that only what came over TLS from it, known by its
 * certificate, is taken for an event, and that no more of a body is read than an event may have.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { collect } from './answer.ts'
import { asEvent, type CloudEvent } from './event.ts'
import { ExchangeError } from './exchange-error.ts'
import { readJson } from './read-json.ts'
import { readAll } from './request-body.ts'
import { CallerRefused, type VerifyOptions, verifyOwnServer } from './verify-caller.ts'

/** An event as it was pushed. */
export type PushedEvent = {
  event: CloudEvent
  /** The event's JSON form, the octets that its sender handed over. */
  bytes: Uint8Array
  /** The id of the delivery, by which proofs are found. */
  delivery: string
  /** The subsystem that sent it, "DEV/GOV/1002/tax". */
  sender: string
}

export type PushOptions = VerifyOptions & {
  /** 4 MiB when absent. */
  maxEventBytes?: number
}

const MAX_EVENT_BYTES = 4 * 1024 * 1024
const STRUCTURED = /^application\/cloudevents\+json *(?:;|$)/i

/**
 * The event of a push. Throws a CallerRefused, whose `status` is the answer. Answer 2xx after your own
 * commit: that is the acknowledgement; an event that came before, by `source` and `id`, is answered so too.
 */
export async function takePush(
  request: IncomingMessage | Request,
  options: PushOptions,
): Promise<PushedEvent> {
  const { client, id } = verifyOwnServer(request, options)
  const isNode = 'rawHeaders' in request
  const type = isNode ? request.headers['content-type'] : request.headers.get('content-type')
  if (!STRUCTURED.test(type ?? '')) throw new CallerRefused('not_an_event')
  const body: AsyncIterable<Uint8Array> = isNode ? request : readAll(request.body ?? new Blob().stream())
  const bytes = await collect(body, options.maxEventBytes ?? MAX_EVENT_BYTES).catch((cause: unknown) => {
    if (cause instanceof ExchangeError && cause.code === 'answer_too_large')
      throw new CallerRefused('event_too_large')
    throw cause
  })
  return { event: readEvent(bytes), bytes, delivery: id, sender: client }
}

/**
 * A listener for `https.createServer({ requestCert: true, rejectUnauthorized: false, … })` that answers 204
 * when `handle` has resolved, and 500 when it throws: the event is then pushed again.
 */
export function pushListener(
  options: PushOptions,
  handle: (pushed: PushedEvent) => unknown,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      if (request.method !== 'POST') throw new CallerRefused('not_an_event')
      await handle(await takePush(request, options))
      response.writeHead(204).end()
    } catch (thrown) {
      // The rest of a body that was refused is not waited for.
      const head = { connection: 'close' }
      response.writeHead(thrown instanceof CallerRefused ? thrown.status : 500, head).end()
    }
  }
}

function readEvent(bytes: Uint8Array): CloudEvent {
  try {
    const event = asEvent(readJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
    if (event !== undefined) return event
  } catch {
    // Not the parser's own words, which quote the text.
  }
  throw new CallerRefused('not_an_event')
}
