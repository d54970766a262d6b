/**
 * The room's half of an exchange: types, subscriptions, fetching, publishing, each at its path. Who may do
 * what is said by access rights and contracts. A refusal says that nothing was done.
 */
import { buffer } from 'node:stream/consumers'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Content } from '../../message/body.ts'
import type { FieldsOnRecord } from '../../peer/fields-on-record.ts'
import type { InboxRequest, Room } from '../../peer/inbox.ts'
import { NotSent } from '../../peer/not-sent.ts'
import { mayReceive } from './may-receive.ts'
import { publish } from './publish.ts'
import { showPublished, takeBack } from './published.ts'
import { confirm, pull } from './pull.ts'
import { type SubscriptionRooms, sequenceOf } from './rooms.ts'
import { type Asker, changeFilters, ownSubscription, subscribe } from './subscribe.ts'
import type { StoredType } from './type-store.ts'
import { subscriptionView, typeView } from './views.ts'

const PATH =
  /^\/(?:(api\/v1\/eventType|api\/v1\/subs)(?:\/([^/]+))?|(pub\/v1|pull\/v1)\/([^/]+)(?:\/([^/]+))?)$/
const MAX_JSON = 64 * 1024
const LIMIT = { least: 1, usual: 10, most: 100 }
const LEASE = { least: 1, usual: 60, most: 3600 }
/** After these something may have been written. */
const UNSURE: ReadonlySet<string> = new Set(['database_error', 'io_error', 'internal_error'])

type Asked = { status: number; text: string; fields?: FieldsOnRecord | undefined }

export function createRoom(rooms: SubscriptionRooms): Room {
  return {
    async take(asked) {
      try {
        const { status, text, fields } = await act(asked, rooms)
        const pending = asked.spool()
        await pending.write(Buffer.from(text))
        const body = await pending.end()
        const rule = asked.terms.fields?.response
        const onRecord = fields ?? (rule && { rule: rule.digest, removed: NOTHING_REMOVED })
        return {
          ...{ status, reason: REASONS[status] ?? '', headers: [['Content-Type', 'application/json']], body },
          ...(onRecord && { fields: onRecord }),
        }
      } catch (cause) {
        throw UNSURE.has(asFault(cause).code) ? cause : new NotSent(cause)
      }
    },
  }
}

/** What is told of types and subscriptions is no event: the contract's fields are those of events. */
const NOTHING_REMOVED = { names: [], count: 0, isMore: false }
const REASONS: Record<number, string> = { 200: 'OK', 201: 'Created' }

async function act(asked: InboxRequest, rooms: SubscriptionRooms): Promise<Asked> {
  const { method, servicePath, query } = asked.request
  const found = PATH.exec(servicePath)
  if (found === null) throw new Fault('not_found', { what: say`no address of a room` })
  const [, api, apiType, events, eventsType, eventId] = found
  const room = idText(asked.request.service)
  const name = apiType ?? eventsType
  const type = name === undefined ? undefined : await typeNamed(room, name, rooms)
  const search = new URLSearchParams(query ?? '')
  if (api === 'api/v1/eventType') return showTypes(method, room, type, rooms)
  if (api === 'api/v1/subs') return subscriptions(asked, { type, search }, rooms)
  if (events === 'pull/v1') return fetch(asked, { type: type!, eventId, search }, rooms)
  return published(asked, { type: type!, eventId }, rooms)
}

async function showTypes(
  method: string,
  room: string,
  type: StoredType | undefined,
  rooms: SubscriptionRooms,
): Promise<Asked> {
  if (method !== 'GET') throw noMethod(method)
  return answer(type === undefined ? (await rooms.types.ofRoom(room)).map(typeView) : typeView(type))
}

async function subscriptions(
  asked: InboxRequest,
  { type, search }: { type: StoredType | undefined; search: URLSearchParams },
  rooms: SubscriptionRooms,
): Promise<Asked> {
  const { method, service } = asked.request
  const asker = askerOf(asked)
  if (type === undefined) {
    if (method !== 'GET') throw noMethod(method)
    const room = idText(service)
    const names = new Map((await rooms.types.ofRoom(room)).map((one) => [one.id, one]))
    const after = numberIn(search, 'after', { least: 1, usual: 0, most: 999_999_999 })
    const own = await rooms.subscriptions.ofSubscriber({ room, subscriber: asker.subscriber, after })
    return answer(
      own.flatMap((one) => (names.has(one.type) ? [subscriptionView(one, names.get(one.type)!)] : [])),
    )
  }
  if (method === 'POST') {
    const { isNew, view } = await subscribe(type, await jsonIn(asked.body), asker, rooms)
    return answer(view, isNew ? 201 : 200)
  }
  const one = await ownSubscription(type, { ...asker, id: search.get('id') ?? undefined }, rooms)
  if (method === 'GET') return answer(subscriptionView(one, type))
  if (method === 'PATCH')
    return answer(await changeFilters(type, one, await jsonIn(asked.body), asker, rooms))
  if (method !== 'DELETE') throw noMethod(method)
  await rooms.subscriptions.remove(one.id)
  return answer({ ...subscriptionView(one, type), state: 'ended' })
}

async function fetch(
  asked: InboxRequest,
  q: { type: StoredType; eventId: string | undefined; search: URLSearchParams },
  rooms: SubscriptionRooms,
): Promise<Asked> {
  const { type, eventId, search } = q
  const { method } = asked.request
  const { subscriber } = askerOf(asked)
  // A subsystem has one PULL subscription a type, whatever is pushed to it beside.
  const one = await ownSubscription(type, { subscriber, id: search.get('id') ?? undefined, inbox: '' }, rooms)
  if (method === 'GET' && eventId === undefined) {
    const limit = numberIn(search, 'limit', LIMIT)
    const leaseMs = numberIn(search, 'lease', LEASE) * 1000
    const { secrecy = 0 } = mayReceive({ subscriber, room: type.room, type: type.name }, rooms)
    const rule = asked.terms.fields?.response
    return { status: 200, ...(await pull({ type, one, limit, leaseMs, rule, secrecy }, rooms)) }
  }
  if (method !== 'DELETE' || eventId === undefined) throw noMethod(method)
  await confirm(type, one, sequenceIn(eventId), rooms)
  return answer({ id: eventId, state: 'confirmed' })
}

async function published(
  asked: InboxRequest,
  { type, eventId }: { type: StoredType; eventId: string | undefined },
  rooms: SubscriptionRooms,
): Promise<Asked> {
  const { headers, body, record } = asked
  const { method } = asked.request
  const publisher = idText(asked.request.client)
  if (eventId === undefined) {
    if (method !== 'POST') throw noMethod(method)
    const bytes = await bytesOf(body, rooms.eventBytes)
    return answer(await publish({ publisher, type, headers, body: bytes, record }, rooms), 201)
  }
  const q = { type, publisher, sequence: sequenceIn(eventId) }
  if (method === 'GET') return answer(await showPublished(q, rooms))
  if (method === 'DELETE') return answer(await takeBack(q, rooms))
  throw noMethod(method)
}

/** Throws `not_found`. */
export async function typeNamed(
  room: string,
  name: string,
  { types }: Pick<SubscriptionRooms, 'types'>,
): Promise<StoredType> {
  const type = await types.byName(room, name)
  if (type === undefined) throw new Fault('not_found', { what: say`the room has no such event type` })
  return type
}

/** Throws `not_found` for what cannot be the id of an event. */
export function sequenceIn(eventId: string): number {
  const sequence = sequenceOf(eventId)
  if (sequence === undefined) throw new Fault('not_found', { what: say`this event` })
  return sequence
}

function askerOf({ request, terms, record }: InboxRequest): Asker {
  return {
    ...{ subscriber: idText(request.client), record },
    ...{ contract: terms.contract, secrecy: terms.secrecy ?? 0 },
  }
}

async function jsonIn(body: Content | undefined): Promise<unknown> {
  return parseStrictJson(await bytesOf(body, MAX_JSON), { maxLength: MAX_JSON })
}

async function bytesOf(body: Content | undefined, most: number): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0)
  if (body.size > most) throw new Fault('body_too_large', { what: say`at most ${most} octets here` })
  return body.bytes ?? (await buffer(body.open()))
}

function numberIn(
  search: URLSearchParams,
  name: string,
  { least, usual, most }: { least: number; usual: number; most: number },
): number {
  const [text, ...others] = search.getAll(name)
  if (text === undefined) return usual
  const value = Number(text)
  if (others.length > 0 || !/^[0-9]{1,9}$/.test(text) || value < least || value > most)
    throw new Fault('invalid_request', { what: `${name} is ${least} to ${most}` })
  return value
}

function answer(document: object, status = 200): Asked {
  return { status, text: JSON.stringify(document) }
}

function noMethod(method: string): Fault {
  return new Fault('not_found', { what: `no ${method} at this address of a room` })
}
