/**
 * The edge towards the own agency's systems, on their listener: the subsystem that a room belongs to
 * publishes in it without an exchange. Nothing leaves the house by that.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { readStream } from '#core/transport/read-stream.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseClientId, parseServiceId, subsystemOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { HEADER } from '#schemas/wire.ts'
import { isRoom } from '../../local-systems/check-address.ts'
import { createRateCheck } from '../../message/minimum-rate.ts'
import { publish } from './publish.ts'
import { showPublished, takeBack } from './published.ts'
import { sequenceIn, typeNamed } from './room.ts'
import type { SubscriptionRooms } from './rooms.ts'
import type { StoredType } from './type-store.ts'

const PREFIX = '/rooms/v1/'
/** The five codes of the room, `pub/v1`, the type, and for one event its id. */
const PLACE = /^((?:[^/]+\/){4}[^/]+)\/pub\/v1\/([^/]+)(?:\/([^/]+))?$/

type Place = { type: StoredType; publisher: string; eventId: string | undefined; headers: HeaderList }

export function roomRoutes(app: FastifyInstance, rooms: SubscriptionRooms): void {
  app.post(`${PREFIX}*`, async (request, reply) => {
    const { type, publisher, eventId, headers } = await placeOf(request, rooms)
    if (eventId !== undefined) throw new Fault('not_found', { what: say`events are posted to their type` })
    const body = await bodyOf(request, rooms)
    const event = await publish({ type, publisher, headers, body, record: null }, rooms)
    return reply
      .code(201)
      .header('location', `${request.originalUrl.split('?')[0]}/${event.id}`)
      .send(event)
  })
  const ofOne = (act: typeof showPublished) => async (request: FastifyRequest, reply: FastifyReply) => {
    request.raw.resume()
    const { type, publisher, eventId } = await placeOf(request, rooms)
    if (eventId === undefined) throw new Fault('not_found', { what: say`the id of an event is missing` })
    return reply.send(await act({ type, publisher, sequence: sequenceIn(eventId) }, rooms))
  }
  app.get(`${PREFIX}*`, { exposeHeadRoute: false }, ofOne(showPublished))
  app.delete(`${PREFIX}*`, ofOne(takeBack))
}

/** The room of the path, which has to be one of the asking subsystem, which has to have proved itself. */
async function placeOf(request: FastifyRequest, rooms: SubscriptionRooms): Promise<Place> {
  const headers = headersOf(request)
  const asking = headers.filter(([name]) => name.toLowerCase() === HEADER.client)
  if (asking.length !== 1) throw new Fault('missing_header', { what: HEADER.client })
  const client = parseClientId(headerValue(headers, HEADER.client)!)
  rooms.door.authenticate(request, client)
  const found = PLACE.exec(request.originalUrl.slice(PREFIX.length).split('?')[0]!)
  if (found === null) throw new Fault('not_found')
  const [, code, name, eventId] = found
  const room = parseServiceId(code!)
  const local = rooms.localSystems.service(room)
  if (idText(client) !== idText(subsystemOf(room)) || local === undefined || !isRoom(local.url))
    throw new Fault('unknown_service', { what: say`${idText(room)} is no room of this client` })
  return { type: await typeNamed(idText(room), name!, rooms), publisher: idText(client), eventId, headers }
}

function headersOf({ raw }: FastifyRequest): HeaderList {
  const list: HeaderList = []
  for (let at = 0; at < raw.rawHeaders.length; at += 2)
    list.push([raw.rawHeaders[at]!, raw.rawHeaders[at + 1]!])
  return list
}

async function bodyOf({ raw }: FastifyRequest, { eventBytes }: SubscriptionRooms): Promise<Buffer> {
  const tooLarge = (): Fault =>
    new Fault('body_too_large', { what: say`an event has at most ${eventBytes} octets here` })
  const { write, bytes } = collectBytes(eventBytes, tooLarge)
  const checkRate = createRateCheck('request_timeout')
  await readStream(raw, (chunk) => {
    checkRate(chunk)
    write(chunk)
  })
  return bytes()
}
