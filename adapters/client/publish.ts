/**
 * Events that are published in a room of the own subsystem. Guarantees that one is taken for published only
 * when the own security server says which place it has among all of its type, and that repetitions are the
 * same bytes: the server then takes it once.
 */
import type { LimitOptions } from './call-limits.ts'
import { headersOf, textIn } from './delivery.ts'
import { type EventToSend, writeEvent } from './event.ts'
import { ExchangeError } from './exchange-error.ts'
import { notAnAnswer, readObject, type ServerDoor } from './server-door.ts'

/** What the own security server says of a published event. */
export type Published = {
  /** Its place among all events of its type, which subscribers see as its attribute `sequence`: 16 digits. */
  sequence: string
  eventType: string
  publishedAt: string
  /** Until when it waits for subscribers. */
  expiresAt: string
}

const PREFIX = '/rooms/v1'
const STRUCTURED = 'application/cloudevents+json'

/**
 * `room` is the text of an identifier. Throws `invalid_argument` for a room of another subsystem, and for an
 * event without a type.
 */
export async function publishEvent(q: {
  door: ServerDoor
  client: string
  room: string
  event: EventToSend | Uint8Array
  options: LimitOptions | undefined
}): Promise<Published> {
  if (!q.room.startsWith(`${q.client}/`))
    throw new ExchangeError('invalid_argument', {
      what: `the room is not one of ${q.client}: in rooms of others one publishes by a call of the service`,
    })
  const content = writeEvent(q.event)
  const type = typeOf(content)
  return q.door.ask({
    ...{ method: 'POST', target: `${PREFIX}/${q.room}/pub/v1/${encodeURIComponent(type)}` },
    headers: [...headersOf(q.client), ['Content-Type', STRUCTURED]],
    ...{ content, limits: q.options, read: (bytes) => readPublished(bytes, type) },
  })
}

function typeOf(content: Uint8Array): string {
  try {
    const type = readObject(content)['type']
    if (typeof type === 'string' && !/^\.{0,2}$/.test(type)) return type
  } catch {
    // It is no JSON object, and has no type either.
  }
  throw new ExchangeError('invalid_argument', { what: 'the event has no type' })
}

function readPublished(bytes: Uint8Array, type: string): Published {
  const said = readObject(bytes)
  const text = (name: string): string => textIn(said, name)
  if (text('eventType') !== type) throw notAnAnswer('it is about another type of events')
  return {
    ...{ sequence: text('sequence'), eventType: type },
    ...{ publishedAt: text('publishedAt'), expiresAt: text('expiresAt') },
  }
}
