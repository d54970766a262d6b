/** Operations on rooms for the agency's operators: event types, and who subscribes to them. */
import { hash } from 'node:crypto'
import type { FilterText } from '#core/cesql/filter.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm, slashForm } from '#schemas/colon-identifiers.ts'
import { sourceForm } from '#schemas/event-source.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseServiceId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Json } from '#schemas/sent-values.ts'
import { isRoom } from '../../local-systems/check-address.ts'
import { clearanceOf } from '../../reading/readable-log.ts'
import { iso, type SubscriptionRooms, sequenceText } from './rooms.ts'
import type { DeclaredSource } from './source-store.ts'
import { LIVE, type StoredSubscription } from './subscription-reads-store.ts'
import type { SubscriptionState } from './tables.ts'
import { checkNewSchema } from './type-schema.ts'
import type { StoredType } from './type-store.ts'
import { whyHalted } from './views.ts'

export const STATES: readonly SubscriptionState[] = ['active', 'suspended', 'stopped', 'lapsed', 'ended']

const MOST_COUNTED = 10_000
const KEEP_DAYS = 30
/** The code of what an operator stopped or ended. */
const BY_OPERATOR = 'by_operator'

type Listed = { roomId?: string; search?: string; after?: number; before?: number; limit: number }
type Sources = { source: string; publisherId: string }[]
type NewType = { roomId: string; name: string; schema?: object; keepDays?: number; sources?: Sources }
type Asked = Pick<Parameters<Handlers[string]>[0], 'params' | 'caller'>
type Subscriptions = Listed & { typeId?: number; state?: SubscriptionState }

export function subscriptionHandlers(rooms: SubscriptionRooms): Handlers {
  const { types, subscriptions } = rooms
  const roomOf = (roomId: string | undefined): string | undefined =>
    roomId === undefined ? undefined : slashForm(roomId, 5, 5)

  const typeIn = async (params: unknown): Promise<StoredType> => {
    const type = await types.byId(Number((params as { id: string }).id))
    if (type === undefined) throw new Fault('not_found', { what: say`this event type` })
    return type
  }
  const change = async (
    { params, caller }: Asked,
    to: { state: SubscriptionState; error: string },
    from: readonly SubscriptionState[],
  ) => {
    const find = async (): Promise<StoredSubscription> => {
      const found = await subscriptions.byId(Number((params as { id: string }).id))
      if (found === undefined) throw new Fault('not_found', { what: say`this subscription` })
      return found
    }
    const shown = async (one: StoredSubscription) =>
      subscriptionShown(one, await types.byId(one.type), clearanceOf(caller))
    const one = await find()
    const changed = { ...to, about: '', due_at: '', failures: 0, changed_at: iso(rooms.clock()) }
    if (await subscriptions.change(one, changed, from)) {
      rooms.wake()
      return shown({ ...one, ...changed })
    }
    // What is suspended goes on by itself, perhaps while somebody reads the page and presses.
    const now = await find()
    if (now.state === to.state) return shown(now)
    throw new Fault('conflict', { what: say`the subscription is ${now.state}` })
  }

  return {
    getRooms: async () => {
      const found = [...rooms.localSystems.view().services.values()].filter(({ service }) =>
        isRoom(service.url),
      )
      const ids = found.map(({ service }) => idText(service.id))
      const counts = await types.counts(ids)
      return found.map(({ service }, i) => ({
        roomId: colonForm(ids[i]!),
        disabled: service.disabledNotice !== undefined,
        eventTypes: counts.get(ids[i]!) ?? 0,
      }))
    },
    getEventTypes: async ({ query, caller }) => {
      const { roomId, search, after, limit } = query as Listed
      const items = await types.list({ room: roomOf(roomId), search, after, limit })
      return { items: await Promise.all(items.map((type) => shownType(type, clearanceOf(caller), rooms))) }
    },
    addEventType: async ({ body, caller }) => {
      const { roomId, name, schema, keepDays, sources = [] } = body as NewType
      const declared = declaredOf(sources)
      const room = roomOf(roomId)!
      if (!isRoom(rooms.localSystems.service(parseServiceId(room))?.url ?? ''))
        throw new Fault('conflict', { what: say`${roomId} is no service with the address room:` })
      const text = schema === undefined ? '' : await checkNewSchema(schema)
      const now = rooms.clock()
      const row = {
        ...{ room, name, schema: text, keep_days: keepDays ?? KEEP_DAYS, closed: 0, created_at: iso(now) },
        digest: text === '' ? '' : hash('sha256', text),
        // Above all that a type of this name may have given before: subscribers know its numbers.
        ...{ last: now, spread: now, octets: 0 },
      }
      const type = await types.add(row, declared)
      return shownType(type, clearanceOf(caller), rooms)
    },
    getEventType: async ({ params, caller }) => {
      const type = await typeIn(params)
      return {
        ...(await shownType(type, clearanceOf(caller), rooms)),
        /** The JSON Schema of its data, as whoever added the type gave it. */
        schema: type.schema === '' ? null : (JSON.parse(type.schema) as Json),
      }
    },
    updateEventType: async ({ params, body, caller }) => {
      const { id, room } = await typeIn(params)
      const { keepDays, closed, sources } = body as { keepDays?: number; closed?: boolean; sources?: Sources }
      if (sources !== undefined) await rooms.sources.declare({ room, type: id }, declaredOf(sources))
      await types.change(id, {
        ...(keepDays !== undefined && { keep_days: keepDays }),
        ...(closed !== undefined && { closed: closed ? 1 : 0 }),
      })
      return shownType(await typeIn(params), clearanceOf(caller), rooms)
    },
    deleteEventType: async ({ params }) => {
      const { id } = await typeIn(params)
      if (!(await types.remove(id)))
        throw new Fault('conflict', { what: say`close the event type and end its subscriptions first` })
    },

    getSubscriptions: async ({ query, caller }) => {
      const clearance = clearanceOf(caller)
      const { roomId, typeId, state, search, before, limit } = query as Subscriptions
      const items = await subscriptions.list({
        ...{ room: roomOf(roomId), type: typeId, state, before, limit, clearance },
        // People read identifiers with colons here.
        search: search?.replaceAll(':', '/'),
      })
      const named = new Map<number, StoredType | undefined>()
      for (const { type } of items) if (!named.has(type)) named.set(type, await types.byId(type))
      return {
        items: items.map((one) => subscriptionShown(one, named.get(one.type), clearance)),
        counts: await subscriptions.counts(
          STATES,
          typeId === undefined ? undefined : { type: typeId, clearance },
        ),
      }
    },
    suspendSubscription: (asked) =>
      change(asked, { state: 'stopped', error: BY_OPERATOR }, ['active', 'suspended']),
    resumeSubscription: (asked) => change(asked, { state: 'active', error: '' }, ['stopped', 'suspended']),
    endSubscription: (asked) => change(asked, { state: 'ended', error: BY_OPERATOR }, [...LIVE, 'lapsed']),
  }
}

/** Throws `invalid_input` for one that stands there twice. */
function declaredOf(given: Sources): DeclaredSource[] {
  const sources = given.map((one) => ({ ...one, source: sourceForm(one.source) }))
  const twice = sources.find(({ source }, i) => sources.findIndex((one) => one.source === source) !== i)
  if (twice !== undefined) throw new Fault('invalid_input', { what: say`${twice.source} stands there twice` })
  return sources.map(({ source, publisherId }) => ({ source, publisher: slashForm(publisherId, 3, 4) }))
}

async function shownType(type: Omit<StoredType, 'schema'>, clearance: number, rooms: SubscriptionRooms) {
  const { subscriptions, events } = rooms
  const sources = await rooms.sources.ofType(type.id)
  return {
    ...{ id: type.id, roomId: colonForm(type.room), name: type.name, keepDays: type.keep_days },
    hasSchema: type.digest !== '',
    sources: sources.map(({ source, publisher }) => ({ source, publisherId: colonForm(publisher) })),
    ...{ closed: type.closed === 1, createdAt: type.created_at, sequence: sequenceText(type.last) },
    ...{ events: await events.count(type.id, MOST_COUNTED), octets: type.octets },
    subscriptions: await subscriptions.counts(STATES, { type: type.id, clearance }),
  }
}

/**
 * Of a secret contract, to callers who may not see its exchanges: it can still be stopped and ended. Numbers
 * would tell the type.
 */
const HIDDEN = {
  ...{ roomId: null, typeId: null, eventType: null, subscriberId: null, inboxId: null },
  ...{ filters: [] as FilterText[], contract: null, sequence: null, given: null, isSecret: true },
}

function partiesOf(one: StoredSubscription, type: StoredType | undefined) {
  return {
    ...{ roomId: colonForm(one.room), typeId: one.type, eventType: type?.name ?? null },
    ...{ subscriberId: colonForm(one.subscriber), inboxId: one.inbox === '' ? null : colonForm(one.inbox) },
    ...{
      filters: JSON.parse(one.filters) as FilterText[],
      contract: one.contract === '' ? null : one.contract,
    },
    sequence: sequenceText(one.cursor),
    given: one.given === 0 ? null : sequenceText(one.given),
    isSecret: false,
  }
}

/** `behind`: how many events of the type it has not been looked at for. */
function subscriptionShown(one: StoredSubscription, type: StoredType | undefined, clearance: number) {
  return {
    id: one.id,
    ...((one.secrecy ?? 2) > clearance ? HIDDEN : partiesOf(one, type)),
    delivery: one.inbox === '' ? 'PULL' : 'PUSH',
    ...{ state: one.state, ...whyHalted(one) },
    behind: Math.max(0, (type?.last ?? one.cursor) - one.cursor),
    ...{ filterErrors: one.filter_errors, reused: one.reused, record: one.record },
    ...{ createdAt: one.created_at, changedAt: one.changed_at },
  }
}
