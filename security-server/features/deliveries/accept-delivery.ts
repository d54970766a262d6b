/**
 * Takes a message over from a system. Guarantees that it is durable, with a signed receipt in the log, before
 * the system hears that it was accepted; a repetition of the same event gets the same delivery. A crash
 * before the answer leaves a row that upkeep completes or removes.
 */
import { randomUUID } from 'node:crypto'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { writeStructured } from '#core/events/write-event.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServiceId } from '#schemas/identifiers.ts'
import { type Said, say } from '#schemas/said.ts'
import { HEADER } from '#schemas/wire.ts'
import { type FieldsOnRecord, fieldsOnRecord } from '../../peer/fields-on-record.ts'
import type { StoredOutbox } from './box-store.ts'
import { type Facts, factsOf, keysOf, openFacts, sealFacts } from './facts.ts'
import { giveReceipt, type ReceiptProof } from './give-receipt.ts'
import { type DeliveryRooms, iso } from './rooms.ts'

/** `accepted` is the receipt of a message that is new. */
type Accepted = { row: StoredOutbox; accepted?: ReceiptProof }

export type Handed = {
  client: ClientId
  service: ServiceId
  headers: HeaderList
  body: Buffer
  /** Where a contract took fields out of the event: what the record of its receipt says of them. */
  fields?: FieldsOnRecord | undefined
  /** Where the contract took it out of the event: it is given up here all the same. */
  expirytime?: string | undefined
}

/** An outbox gets empty as its receivers take messages: asking more often brings little. */
const FULL_SECONDS = 60

/** What the exchange repeats of the system's own headers. */
const REPEATED = [HEADER.userId, HEADER.issue, HEADER.representedParty, HEADER.securityServer]

/**
 * Throws `invalid_event`, `delivery_expired`, `event_id_reused`, `outbox_full`, and what an exchange would
 * throw before it sends: for access, contracts and the log.
 */
export async function acceptDelivery(handed: Handed, rooms: DeliveryRooms): Promise<Accepted> {
  const { headers, body } = handed
  const [client, service] = [idText(handed.client), idText(handed.service)]
  const event = readEvent(headers, body, { maxJsonBytes: rooms.settings.eventBytes })
  const isStructured = headerValue(headers, 'content-type')?.toLowerCase().startsWith(STRUCTURED) === true
  // Never printed again when it came as it travels.
  const bytes = isStructured ? body : writeStructured(event).body
  const keys = keysOf({ client, service, event, names: rooms.names, expirytime: handed.expirytime })
  const now = iso(rooms.clock())
  if (keys.expires_at !== '' && keys.expires_at <= now)
    throw new Fault('delivery_expired', { what: say`its expirytime is over` })
  const repeated = REPEATED.flatMap((name): Facts['headers'] => {
    const value = headerValue(headers, name)
    return value === undefined ? [] : [[name, value]]
  })
  const { terms } = await rooms.door.check({
    method: 'POST',
    url: `/r1/${service}`,
    rawHeaders: [HEADER.client, client, ...repeated.flat()],
  })
  const delivery = `${rooms.server.instance}-${randomUUID()}`
  const facts = factsOf({ event, bytes, headers: repeated, terms })
  const { row, isNew, refusal } = await rooms.outbox.add({
    ...{ ...keys, delivery, state: 'accepting' },
    route: await rooms.routes.idOf(client, service, terms.secrecy ?? 0),
    ...{ attempts: 0, due_at: '', claimed_until: '', since: now, changed_at: now, error: '' },
    ...{ arrived: 'no', key_id: rooms.keys.current, first_record: null },
    secrecy: terms.secrecy ?? 0,
    ...{
      facts: sealFacts(rooms.keys, delivery, facts),
      content: rooms.keys.seal(`event ${delivery}`, bytes),
    },
  })
  if (refusal === 'full')
    throw new Fault('outbox_full', {
      what: await whyFull({ client, service, bytes: row.content?.length ?? 0 }, rooms),
      retryAfter: FULL_SECONDS,
    })
  if (!isNew && openFacts(rooms.keys, row).digest !== facts.digest) throw new Fault('event_id_reused')
  if (row.state !== 'accepting') return { row }
  return complete(row, { client, service, fields: handed.fields }, rooms)
}

/**
 * Which receiver is the cause: this one has as much as is free, or all of it is taken, most by another one.
 */
async function whyFull(
  way: { client: string; service: string; bytes: number },
  { routes, settings }: DeliveryRooms,
): Promise<Said> {
  const held = await routes.heldAgainst(way, settings)
  if (held !== undefined)
    return say`${held.events} messages of ${way.client} wait for ${way.service}, and what is free is for its other receivers`
  const fullest = await routes.fullestOf(way.client, settings)
  return fullest === undefined || fullest.secrecy > 0
    ? say`all places of ${way.client} are taken`
    : say`all places of ${way.client} are taken, most by messages to ${fullest.service}`
}

/** Gives the receipt of a row that has none, and lets it be sent. */
async function complete(
  row: StoredOutbox,
  { client, service, fields }: { client: string; service: string; fields: FieldsOnRecord | undefined },
  rooms: DeliveryRooms,
): Promise<Accepted> {
  const { delivery } = row
  const facts = openFacts(rooms.keys, row)
  const extra = fields && { extra: fieldsOnRecord(fields) }
  const { record, proof } = await giveReceipt(
    { kind: 'accepted', delivery, client, service, facts, ...extra },
    rooms,
  )
  await rooms.outbox.confirm({ row, record, at: iso(rooms.clock()) })
  return { row: { ...row, state: 'waiting', first_record: record }, accepted: proof }
}
