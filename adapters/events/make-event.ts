/**
 * Makes the event of a message. Guarantees that a structured event keeps its bytes, and that the same message
 * gives the same bytes: by them, source and id the security server knows a repetition.
 */
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { writeStructured } from '#core/events/write-event.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import type { Taken } from './broker.ts'
import { plainEvent } from './plain-event.ts'
import type { SendSettings } from './settings.ts'

export type MadeEvent = { body: Buffer; key: string | undefined }

type Making = Pick<SendSettings, 'format' | 'attributes' | 'contentType'> & { eventBytes: number }

/**
 * Throws `invalid_event`, `malformed_json` or `body_too_large` for a message that no security server would
 * take.
 */
export function makeEvent(message: Taken, q: Making): MadeEvent {
  if (message.fault !== undefined) throw message.fault
  if (message.body.length > q.eventBytes) throw tooLarge(q.eventBytes)
  const headers = headersOf(message)
  const event =
    q.format === 'plain'
      ? plainEvent(message, q)
      : readEvent(headers, message.body, { maxJsonBytes: q.eventBytes })
  const body =
    q.format === 'cloudevents' && isStructured(headers) ? message.body : writeStructured(event).body
  // Base64 has made it larger, maybe.
  if (body.length > q.eventBytes) throw tooLarge(q.eventBytes)
  const key = event.extensions.get('partitionkey')
  return { body, key: key === undefined ? message.key : String(key) }
}

/** Without any word on it, the payload is the JSON format: so it was before brokers had headers. */
function headersOf({ headers }: Taken): HeaderList {
  const isSaid = headers.some(([name]) => /^(content-type|ce-specversion)$/i.test(name))
  return isSaid ? headers : [...headers, ['content-type', STRUCTURED]]
}

function isStructured(headers: HeaderList): boolean {
  return headerValue(headers, 'content-type')?.toLowerCase().startsWith(STRUCTURED) === true
}

export function tooLarge(most: number): Fault {
  return new Fault('body_too_large', { what: `an event has at most ${most} octets here` })
}
