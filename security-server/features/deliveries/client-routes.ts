/**
 * The edge towards the own agency's systems, on their listener: hand over, ask what became of it, fetch,
 * acknowledge. Who asks proves itself as for an exchange; a fault leaves as it does there.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { readStream } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type ClientId,
  idText,
  parseClientId,
  parseServiceId,
  type ServiceId,
  subsystemOf,
} from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { HEADER } from '#schemas/wire.ts'
import { isInbox } from '../../local-systems/check-address.ts'
import { createRateCheck } from '../../message/minimum-rate.ts'
import { acceptDelivery } from './accept-delivery.ts'
import type { StoredOutbox } from './box-store.ts'
import { openFacts } from './facts.ts'
import { type ReceiptProof, readProof } from './give-receipt.ts'
import { giveBack, leaseIdOf, renew } from './hold-lease.ts'
import { acknowledge, type Leased, lease } from './pull.ts'
import type { DeliveryRooms } from './rooms.ts'
import type { Sender } from './sender.ts'

const PREFIX = '/deliveries/v1/'
const POSITION = /^[1-9][0-9]{0,14}$/
const LEASE = { least: 1, usual: 60, most: 3600 }
const LIMIT = { least: 1, usual: 10, most: 100 }

const DELAY = { least: 0, usual: 0, most: 3600 }
const LEASE_ID = /^[0-9a-f-]{36}$/

type Rooms = DeliveryRooms & { sender: Pick<Sender, 'wake'> }

type Act = (
  request: FastifyRequest,
  reply: FastifyReply,
  segments: string[],
  rooms: Rooms,
) => Promise<FastifyReply>

/** What is done with one event of an inbox. */
const ACTS: Record<string, Act> = {
  acknowledgement: acknowledgeOne,
  renewal: renewOne,
  return: returnOne,
}

export function deliveryRoutes(app: FastifyInstance, rooms: Rooms): void {
  app.post(`${PREFIX}*`, async (request, reply) => {
    const segments = segmentsOf(request)
    if (segments.length === 5) return handOver(request, reply, segments, rooms)
    const act = segments.length === 8 && segments[0] === 'inbox' ? segments[7]! : ''
    if (Object.hasOwn(ACTS, act)) return ACTS[act]!(request, reply, segments, rooms)
    throw new Fault('not_found')
  })
  app.get(`${PREFIX}*`, { exposeHeadRoute: false }, async (request, reply) => {
    const segments = segmentsOf(request)
    request.raw.resume()
    if (segments.length === 2 && segments[0] === 'sent') return show(request, reply, segments[1]!, rooms)
    if (segments.length === 6 && segments[0] === 'inbox') return fetch(request, reply, segments, rooms)
    throw new Fault('not_found')
  })
}

async function handOver(
  request: FastifyRequest,
  reply: FastifyReply,
  segments: string[],
  rooms: Rooms,
): Promise<FastifyReply> {
  const headers = headersOf(request)
  const client = clientOf(headers)
  rooms.door.authenticate(request, client)
  const service = parseServiceId(segments.join('/'))
  const body = await bodyOf(request, rooms)
  const { row, accepted } = await acceptDelivery({ client, service, headers, body }, rooms)
  rooms.sender.wake()
  reply.code(202).header('location', `${PREFIX}sent/${encodeURIComponent(row.delivery)}`)
  return reply.send(await shown(row, rooms, accepted))
}

async function show(
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  rooms: Rooms,
): Promise<FastifyReply> {
  const client = clientOf(headersOf(request))
  rooms.door.authenticate(request, client)
  for (const row of await rooms.outbox.byDelivery(decodeURIComponent(id)))
    if ((await rooms.routes.partiesOf(Number(row.route))).client === idText(client))
      return reply.send(await shown(row, rooms))
  throw new Fault('not_found', { what: say`no delivery of this client has the id` })
}

async function fetch(
  request: FastifyRequest,
  reply: FastifyReply,
  segments: string[],
  rooms: Rooms,
): Promise<FastifyReply> {
  const service = ownInbox(request, segments, rooms)
  const asked = askedOf(request)
  const limit = numberIn(asked, 'limit', LIMIT)
  const leaseMs = numberIn(asked, 'lease', LEASE) * 1000
  const given = await lease({ service, limit, leaseMs }, rooms)
  // The events stand there as they came, unparsed.
  const events = given.map((one) => eventText(one))
  return reply.type('application/json;charset=utf-8').send(`{"events":[${events.join(',')}]}`)
}

async function acknowledgeOne(
  request: FastifyRequest,
  reply: FastifyReply,
  segments: string[],
  rooms: Rooms,
): Promise<FastifyReply> {
  const { service, position } = oneOf(request, segments, rooms)
  const { row, consumed } = await acknowledge({ service, position, means: 'pull' }, rooms)
  const proof =
    consumed ?? (row.end_record === null ? undefined : await readProof(Number(row.end_record), rooms))
  return reply.send({
    id: String(position),
    delivery: row.delivery,
    state: row.state,
    consumed: proof ?? null,
  })
}

async function renewOne(
  request: FastifyRequest,
  reply: FastifyReply,
  segments: string[],
  rooms: Rooms,
): Promise<FastifyReply> {
  const one = oneOf(request, segments, rooms)
  const asked = askedOf(request)
  const leaseMs = numberIn(asked, 'lease', LEASE) * 1000
  const leasedUntil = await renew({ ...one, leaseId: leaseIdIn(asked), leaseMs }, rooms)
  return reply.send({ id: String(one.position), leasedUntil })
}

async function returnOne(
  request: FastifyRequest,
  reply: FastifyReply,
  segments: string[],
  rooms: Rooms,
): Promise<FastifyReply> {
  const one = oneOf(request, segments, rooms)
  const asked = askedOf(request)
  const untouched = asked.getAll('untouched')
  if (untouched.length > 1 || !['true', 'false'].includes(untouched[0] ?? 'false'))
    throw new Fault('invalid_request', { what: say`untouched is true or false` })
  const returned = await giveBack(
    {
      ...{ ...one, leaseId: leaseIdIn(asked), delayMs: numberIn(asked, 'delay', DELAY) * 1000 },
      isUntouched: untouched[0] === 'true',
    },
    rooms,
  )
  return reply.send({ returned: returned.map(String) })
}

/** The event of the path, in an inbox of the asking subsystem. */
function oneOf(
  request: FastifyRequest,
  segments: string[],
  rooms: Rooms,
): { service: string; position: number } {
  request.raw.resume()
  const service = ownInbox(request, segments, rooms)
  const position = segments[6]!
  if (!POSITION.test(position)) throw new Fault('not_found', { what: say`this event` })
  return { service, position: Number(position) }
}

/** The inbox of the path, which has to be one of the asking subsystem. */
function ownInbox(request: FastifyRequest, segments: string[], rooms: Rooms): string {
  const service: ServiceId = parseServiceId(segments.slice(1, 6).join('/'))
  const client = clientOf(headersOf(request))
  rooms.door.authenticate(request, client)
  if (
    idText(client) !== idText(subsystemOf(service)) ||
    !isInbox(rooms.localSystems.service(service)?.url ?? '')
  )
    throw new Fault('unknown_service', { what: say`${idText(service)} is no inbox of this client` })
  return idText(service)
}

async function shown(row: StoredOutbox, rooms: Rooms, accepted?: ReceiptProof) {
  const { client, service } = await rooms.routes.partiesOf(Number(row.route))
  const { source, id } = openFacts(rooms.keys, row)
  const proofOf = async (index: number | null) =>
    index === null ? null : ((await readProof(Number(index), rooms)) ?? null)
  return {
    ...{ id: row.delivery, state: row.state, sender: client, inbox: service, source, eventId: id },
    ...{ changedAt: row.changed_at, attempts: row.attempts, error: row.error === '' ? null : row.error },
    expiresAt: row.expires_at === '' ? null : row.expires_at,
    accepted: accepted ?? (await proofOf(row.first_record)),
    // That of an unconfirmed one is no receipt, but the reply in which the inbox said that it does not know
    // the message.
    ended: row.state === 'unconfirmed' ? null : await proofOf(row.end_record),
  }
}

function eventText({ row, event }: Leased): string {
  const head = {
    ...{ id: String(row.position), delivery: row.delivery, sender: row.client },
    ...{ attempt: row.attempts, leaseId: leaseIdOf(row), leasedUntil: row.claimed_until },
  }
  return `${JSON.stringify(head).slice(0, -1)},"event":${event.toString()}}`
}

function segmentsOf({ originalUrl }: FastifyRequest): string[] {
  return originalUrl.slice(PREFIX.length).split('?')[0]!.split('/')
}

function askedOf({ originalUrl }: FastifyRequest): URLSearchParams {
  return new URL(originalUrl, 'http://localhost').searchParams
}

function leaseIdIn(asked: URLSearchParams): string {
  const [leaseId = '', ...others] = asked.getAll('leaseId')
  if (others.length > 0 || !LEASE_ID.test(leaseId))
    throw new Fault('invalid_request', { what: 'leaseId is that of the event, as it was given out' })
  return leaseId
}

function headersOf({ raw }: FastifyRequest): HeaderList {
  const list: HeaderList = []
  for (let at = 0; at < raw.rawHeaders.length; at += 2)
    list.push([raw.rawHeaders[at]!, raw.rawHeaders[at + 1]!])
  return list
}

function clientOf(headers: HeaderList): ClientId {
  const found = headers.filter(([name]) => name.toLowerCase() === HEADER.client)
  if (found.length !== 1) throw new Fault('missing_header', { what: HEADER.client })
  return parseClientId(headerValue(headers, HEADER.client)!)
}

async function bodyOf({ raw }: FastifyRequest, { settings }: Rooms): Promise<Buffer> {
  const tooLarge = (): Fault =>
    new Fault('body_too_large', { what: say`an event has at most ${settings.eventBytes} octets here` })
  const { write, bytes } = collectBytes(settings.eventBytes, tooLarge)
  const checkRate = createRateCheck('request_timeout')
  await readStream(raw, (chunk) => {
    checkRate(chunk)
    write(chunk)
  })
  return bytes()
}

function numberIn(
  asked: URLSearchParams,
  name: string,
  { least, usual, most }: { least: number; usual: number; most: number },
): number {
  const [text, ...others] = asked.getAll(name)
  if (text === undefined) return usual
  const value = Number(text)
  if (others.length > 0 || !/^[0-9]{1,9}$/.test(text) || value < least || value > most)
    throw new Fault('invalid_request', { what: `${name} is ${least} to ${most}` })
  return value
}
