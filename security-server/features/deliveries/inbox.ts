/**
 * The inbox's half of an exchange. Guarantees that an event is durable before its reply is signed, that it is
 * kept once however often it comes, and that the same name for another event is refused.
 */
import { buffer } from 'node:stream/consumers'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { headerValue } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { SystemAnswer } from '../../message/message.ts'
import type { Inbox, InboxRequest } from '../../peer/inbox.ts'
import { beforeSending, NotSent } from '../../peer/not-sent.ts'
import { factsOf, keysOf, openFacts, sealFacts } from './facts.ts'
import { receiptsPage } from './receipts-page.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import { INBOX_ANSWER } from './send-delivery.ts'

const RECEIPTS_PATH = '/receipts'
/** A full inbox is emptied by its system, event by event: asking more often brings little. */
const FULL_SECONDS = 10

export function createInbox(rooms: DeliveryRooms): Inbox {
  return {
    async take(asked) {
      const { method, servicePath: path } = asked.request
      if (method === 'POST' && (path === '' || path === '/')) return takeEvent(asked, rooms)
      if (method === 'GET' && path === RECEIPTS_PATH)
        return answerOf(asked, await beforeSending(() => receiptsPage(asked, rooms)))
      throw new NotSent(new Fault('not_found', { what: `an inbox takes POST, and GET ${RECEIPTS_PATH}` }))
    },
  }
}

async function takeEvent(asked: InboxRequest, rooms: DeliveryRooms): Promise<SystemAnswer> {
  const row = await beforeSending(() => rowOf(asked, rooms))
  const { row: kept, isNew, refusal } = await rooms.inbox.add(row.stored)
  // Between its record and this row somebody ordered to erase it: it must not be given out any more.
  if (refusal === 'erased') throw new NotSent(new Fault('delivery_discarded'))
  if (refusal === 'full') throw new NotSent(new Fault('inbox_full', { retryAfter: FULL_SECONDS }))
  if (!isNew && openFacts(rooms.keys, kept).digest !== row.digest)
    throw new NotSent(new Fault('event_id_reused'))
  return answerOf(asked, { delivery: asked.request.id, state: 'delivered' })
}

async function rowOf({ request, headers, body, peer, record, terms }: InboxRequest, rooms: DeliveryRooms) {
  const { eventBytes } = rooms.settings
  if (body !== undefined && body.size > eventBytes)
    throw new Fault('body_too_large', { what: say`an event has at most ${eventBytes} octets here` })
  // One form in every inbox: the body alone is the event, and its digest names all of it.
  if (headerValue(headers, 'content-type')?.toLowerCase().startsWith(STRUCTURED) !== true)
    throw new Fault('invalid_event', { what: say`an inbox takes ${STRUCTURED}` })
  if (headerValue(headers, 'content-encoding') !== undefined)
    throw new Fault('invalid_event', { what: say`an event is sent without a content coding` })
  const bytes = body === undefined ? Buffer.alloc(0) : (body.bytes ?? (await buffer(body.open())))
  const event = readEvent(headers, bytes, { maxJsonBytes: eventBytes })
  const [client, service] = [idText(request.client), idText(request.service)]
  const keys = keysOf({ client, service, event, names: rooms.names })
  const now = iso(rooms.clock())
  if (keys.expires_at !== '' && keys.expires_at <= now)
    throw new Fault('delivery_expired', { what: say`its expirytime is over` })
  const facts = factsOf({ event, bytes, terms })
  const delivery = request.id
  const stored = {
    ...{ ...keys, delivery, client, service, peer: idText(peer), state: 'waiting' as const },
    ...{ attempts: 0, due_at: '', claimed_until: '', since: now, changed_at: now, error: '' },
    ...{ key_id: rooms.keys.current, first_record: record, secrecy: terms.secrecy ?? 0 },
    ...{
      facts: sealFacts(rooms.keys, delivery, facts),
      content: rooms.keys.seal(`event ${delivery}`, bytes),
    },
  }
  return { stored, digest: facts.digest }
}

async function answerOf(asked: InboxRequest, document: object): Promise<SystemAnswer> {
  const pending = asked.spool()
  await pending.write(Buffer.from(JSON.stringify(document)))
  const body = await pending.end()
  return { status: 200, reason: 'OK', headers: [['Content-Type', INBOX_ANSWER]], body }
}
