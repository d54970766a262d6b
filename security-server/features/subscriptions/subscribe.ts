/**
 * What a subscriber does with its own subscriptions: make, see, change, end. The subscriber is that of the
 * verified exchange; the exchange is the record of who asked for what.
 */
import { compileFilter } from '#core/cesql/filter.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseServiceId, subsystemOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { HEADER } from '#schemas/wire.ts'
import { iso, type SubscriptionRooms, sequenceOf } from './rooms.ts'
import { LIVE, type StoredSubscription } from './subscription-reads-store.ts'
import type { StoredType } from './type-store.ts'
import { subscriptionView } from './views.ts'

/** Who asks, under which contract, how secret it is, by which record of the log. */
export type Asker = { subscriber: string; contract: string; secrecy: number; record: number }

/** What `delivery` and `options` of a subscription say. */
type Wanted = { inbox: string; filters: unknown[]; after: number | undefined }

const MAX_FILTERS_BYTES = 32 * 1024
const ID = /^[1-9][0-9]{0,14}$/

/**
 * The same again finds the subscription that there is. Throws `invalid_request`, `invalid_filter`,
 * `conflict`, and for PUSH what a message to the inbox would be refused for now, here or by the inbox's
 * server (`inbox_refuses`, `inbox_not_asked`).
 */
export async function subscribe(
  type: StoredType,
  body: unknown,
  asker: Asker,
  rooms: SubscriptionRooms,
): Promise<{ isNew: boolean; view: object }> {
  const wanted = wantedIn(body, asker.subscriber)
  const ofInbox = wanted.inbox === '' ? 0 : await checkInbox(type, wanted.inbox, asker, rooms)
  const filters = filtersText(wanted.filters)
  const cursor = cursorFor(type, wanted.after)
  const now = iso(rooms.clock())
  const { subscription, isNew } = await rooms.subscriptions.add({
    ...{ ...asker, type: type.id, room: type.room, inbox: wanted.inbox, filters, cursor },
    ...{ created_at: now, changed_at: now, secrecy: Math.max(asker.secrecy, ofInbox) },
  })
  if (!isNew && subscription.filters !== filters)
    throw new Fault('conflict', {
      what: say`there is such a subscription with other filters; PATCH changes them`,
    })
  rooms.wake()
  return { isNew, view: subscriptionView(subscription, type) }
}

/** Throws `invalid_request`, `invalid_filter`, `not_found`. */
export async function changeFilters(
  type: StoredType,
  one: StoredSubscription,
  body: unknown,
  { contract, secrecy, record }: Asker,
  rooms: SubscriptionRooms,
): Promise<object> {
  const { filters, inbox, after } = optionsIn(body)
  if (inbox !== undefined || after !== undefined || !Array.isArray(filters))
    throw new Fault('invalid_request', { what: say`options.filters alone can be changed` })
  const change = {
    ...{ filters: filtersText(filters), contract, record, changed_at: iso(rooms.clock()) },
    secrecy: Math.max(one.secrecy ?? 0, secrecy),
  }
  if (!(await rooms.subscriptions.change(one, change, LIVE))) throw new Fault('conflict', { what: one.state })
  return subscriptionView({ ...one, ...change }, type)
}

/**
 * The subscription of the subscriber for a type: the one with this id or inbox where one is named ('' for
 * PULL), else the only one. Throws `not_found`, `invalid_request`.
 */
export async function ownSubscription(
  type: StoredType,
  q: { subscriber: string; id: string | undefined; inbox?: '' | undefined },
  rooms: SubscriptionRooms,
): Promise<StoredSubscription> {
  if (q.id !== undefined && !ID.test(q.id)) throw new Fault('invalid_request', { what: say`id is a number` })
  const found = await rooms.subscriptions.ofSubscriber({
    ...{ room: type.room, subscriber: q.subscriber, type: type.id, inbox: q.inbox },
    id: q.id === undefined ? undefined : Number(q.id),
  })
  const [first, ...others] = found
  if (first === undefined) throw new Fault('not_found', { what: say`a subscription to ${type.name}` })
  if (others.length > 0)
    throw new Fault('invalid_request', { what: `${found.length} subscriptions to ${type.name}: say id=` })
  return first
}

function wantedIn(body: unknown, subscriber: string): Wanted {
  const { delivery } = membersOf(body, ['delivery', 'options'], 'the body')
  const { inbox, filters = [], after } = optionsIn(body)
  if (delivery !== 'PUSH' && delivery !== 'PULL')
    throw new Fault('invalid_request', { what: say`delivery is PUSH or PULL` })
  if ((delivery === 'PUSH') !== (typeof inbox === 'string'))
    throw new Fault('invalid_request', { what: say`options.inbox is the inbox of a PUSH subscription` })
  if (!Array.isArray(filters)) throw new Fault('invalid_request', { what: say`options.filters is a list` })
  const sequence = after === undefined ? undefined : sequenceOf(String(after))
  if (after !== undefined && sequence === undefined)
    throw new Fault('invalid_request', { what: 'options.after is a sequence of 16 digits' })
  return { inbox: typeof inbox === 'string' ? inboxOf(inbox, subscriber) : '', filters, after: sequence }
}

function inboxOf(text: string, subscriber: string): string {
  const inbox = parseServiceId(text)
  if (idText(subsystemOf(inbox)) !== subscriber)
    throw new Fault('invalid_request', { what: say`options.inbox is no service of ${subscriber}` })
  return idText(inbox)
}

function optionsIn(body: unknown): Record<string, unknown> {
  const { options = {} } = membersOf(body, ['delivery', 'options'], 'the body')
  return membersOf(options, ['inbox', 'filters', 'after'], 'options')
}

function membersOf(value: unknown, known: string[], what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Fault('invalid_request', { what: say`${what} is a JSON object` })
  if (Object.keys(value).some((name) => !known.includes(name)))
    throw new Fault('invalid_request', { what: say`${what} has only ${known.join(', ')}` })
  return value as Record<string, unknown>
}

/** As they came, once they were compiled. */
function filtersText(filters: unknown[]): string {
  const text = JSON.stringify(filters)
  if (Buffer.byteLength(text) > MAX_FILTERS_BYTES)
    throw new Fault('invalid_filter', { what: say`filters have at most ${MAX_FILTERS_BYTES} octets` })
  compileFilter(filters)
  return text
}

/**
 * An inbox keeps an event once: two rooms of one subsystem could both send it, with different numbers. Its
 * server is asked by a new subscription alone. Resolves to how secret the contract is under which the inbox
 * gets messages.
 */
async function checkInbox(
  type: StoredType,
  inbox: string,
  { subscriber }: Asker,
  rooms: SubscriptionRooms,
): Promise<number> {
  const other = await rooms.subscriptions.otherRoom({ inbox, subscriber, room: type.room })
  if (other !== undefined)
    throw new Fault('conflict', {
      what: say`events of ${other} go to this inbox; take another one for this room`,
    })
  const publisher = subsystemOf(parseServiceId(type.room))
  const { terms } = await rooms.door.check({
    ...{ method: 'POST', url: `/r1/${inbox}`, rawHeaders: [HEADER.client, idText(publisher)] },
  })
  const [same] = await rooms.subscriptions.ofSubscriber({ room: type.room, subscriber, type: type.id, inbox })
  if (same === undefined || same.state === 'ended')
    await rooms.deliveries.checkInbox({ client: publisher, service: parseServiceId(inbox) })
  return terms.secrecy ?? 0
}

/** Now, or where the subscriber says. */
function cursorFor({ last }: StoredType, after: number | undefined): number {
  if (after === undefined) return last
  if (after > last) throw new Fault('invalid_request', { what: say`options.after is still to come` })
  return after
}
