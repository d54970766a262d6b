/**
 * Takes an event into a room. Guarantees that it is durable, once for all subscribers, with the next sequence
 * of its type, before its publisher hears of it; the same event again gets the same answer.
 */
import { attributeOf, type CloudEvent } from '#core/events/cloud-event.ts'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { writeStructured } from '#core/events/write-event.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { checkSource } from './check-source.ts'
import { isExpired, numbered, STRUCTURED_HEADERS } from './given-event.ts'
import { iso, type SubscriptionRooms } from './rooms.ts'
import { checkSchema } from './type-schema.ts'
import type { StoredType } from './type-store.ts'
import { type EventView, eventView } from './views.ts'

type Published = {
  publisher: string
  type: StoredType
  headers: HeaderList
  body: Buffer
  /** Of the request in our log; null without an exchange. */
  record: number | null
}

const DAY_MS = 86_400_000
/** What receipts can name. */
const MAX_NAME = 1024
/** What the server adds when it gives an event out. */
const OWN = ['sequence', 'sequenceafter']
const ADDED_BYTES = 128
/** What is added is as long for every event. */
const ANY_NUMBERS = { sequence: 1, after: 1 }

/** What seals an event to its place. */
export function sealOf({ type, sequence }: { type: number; sequence: number }): string {
  return `event ${sequence} of type ${type}`
}

/**
 * Throws `invalid_event`, `not_as_described`, `event_type_closed`, `event_type_full`, `event_id_reused`,
 * `delivery_expired`, `delivery_discarded`, `delivery_key_missing`.
 */
export async function publish(q: Published, rooms: SubscriptionRooms): Promise<EventView> {
  const { type, publisher, record } = q
  const { event, document } = readPublished(q, rooms)
  await checkSource({ type, publisher, source: event.source }, rooms)
  await checkSchema(type, event, rooms)
  const now = rooms.clock()
  const { event: stored, isNew } = await rooms.events.publish({
    room: type.room,
    row: {
      ...{ type: type.id, publisher, record, published_at: iso(now) },
      event_key: rooms.names.nameOf(['room', type.room, event.source, event.id]),
      expires_at: iso(now + type.keep_days * DAY_MS),
    },
    sealed: (sequence) => ({
      key_id: rooms.keys.current,
      content: rooms.keys.seal(sealOf({ type: type.id, sequence }), document),
    }),
  })
  if (isNew) {
    rooms.count('published')
    rooms.wake()
  } else if (stored.type !== type.id || stored.publisher !== publisher) {
    if (stored.publisher !== publisher)
      rooms.log.warn(
        { room: type.room, type: stored.type, sequence: stored.sequence },
        'a publisher was refused the name of an event, which another publisher has taken before',
      )
    throw new Fault('event_id_reused')
  } else if (stored.content === null)
    throw new Fault('conflict', { what: say`this event was taken back; publish it with an id of its own` })
  else if (!rooms.keys.open(sealOf(stored), stored.content).equals(document))
    throw new Fault('event_id_reused')
  return eventView(stored, type)
}

function readPublished(
  { type, headers, body }: Published,
  rooms: SubscriptionRooms,
): { event: CloudEvent; document: Buffer } {
  const most = rooms.eventBytes - ADDED_BYTES
  if (body.length > most)
    throw new Fault('body_too_large', { what: say`an event has at most ${most} octets here` })
  if (headerValue(headers, 'content-encoding') !== undefined)
    throw new Fault('invalid_event', { what: say`an event is sent without a content coding` })
  const event = readEvent(headers, body, { maxJsonBytes: most })
  if (event.type !== type.name)
    throw new Fault('invalid_event', { what: say`its type is not that of the address` })
  if (event.source.length > MAX_NAME || event.id.length > MAX_NAME)
    throw new Fault('invalid_event', { what: say`source and id have at most ${MAX_NAME} characters here` })
  const own = OWN.find((name) => attributeOf(event, name) !== undefined)
  if (own !== undefined) throw new Fault('invalid_event', { what: say`${own} is set by the server` })
  if (isExpired(event, rooms.clock()))
    throw new Fault('delivery_expired', { what: say`its expirytime is over` })
  const isStructured = headerValue(headers, 'content-type')?.toLowerCase().startsWith(STRUCTURED) === true
  // Never printed again when it came as it is given out.
  const document = isStructured ? body : writeStructured(event).body
  if (document.length > most)
    throw new Fault('body_too_large', { what: say`an event has at most ${most} octets here, as JSON` })
  // As subscribers get it: one that no inbox takes would hold up every subscription for good.
  readEvent(STRUCTURED_HEADERS, numbered(document, ANY_NUMBERS), { maxJsonBytes: rooms.eventBytes })
  return { event, document }
}
