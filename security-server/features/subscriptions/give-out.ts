/**
 * Gives out what was published to subscriptions with an inbox. Guarantees that each gets every event that
 * passes its filter, in order, once: the door of deliveries keeps an event once, so a crash between its row
 * and the cursor repeats nothing. A slow or failing subscription holds up itself alone.
 */
import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { compileFilter } from '#core/cesql/filter.ts'
import type { FieldRule } from '#core/contract/allowed-fields.ts'
import { attributeOf } from '#core/events/cloud-event.ts'
import { backOff } from '#platform/jobs/back-off.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { type ClientId, idText, parseServiceId, type ServiceId, subsystemOf } from '#schemas/identifiers.ts'
import { createCuts, isExpired, isOfOneEvent, numbered, STRUCTURED_HEADERS } from './given-event.ts'
import { aboutOf, isHaltedByInbox } from './look-at-inboxes.ts'
import { mayReceive } from './may-receive.ts'
import { sealOf } from './publish.ts'
import type { StoredEvent } from './publish-store.ts'
import { iso, type SubscriptionRooms } from './rooms.ts'
import type { StoredSubscription } from './subscription-reads-store.ts'
import type { StoredType } from './type-store.ts'

/** Longer than a batch takes; renewed with each. */
const CLAIM_MS = 5 * 60_000
/** Subscriptions that a node works on at once. */
const AT_ONCE = 16
/** What waits for an inbox as messages of its own; the rest waits in the room, once for all. */
const MOST_WAITING = 1_000
/** How long a subscription rests that cannot go on here, through no fault of its own. */
const REST_MS = 5_000

type TypeOfEvents = Pick<StoredType, 'id' | 'name' | 'last'>

/**
 * Several subscriptions of one type that stand at the same place read the events together: each type counts
 * by itself.
 */
type Batch = { events: Promise<StoredEvent[]>; cut: ReturnType<typeof createCuts> }
type Batches = Map<string, Batch>
/** Of subscriptions that their inboxes halted each inbox is asked once. */
type AskedInboxes = Map<string, Promise<void>>

export function claimToken(node: string): string {
  return `rooms ${node} `
}

/** Whether `giveOut` would find anything to do now; reads only. */
export async function isAnyDue({ types, subscriptions, clock }: SubscriptionRooms): Promise<boolean> {
  const now = iso(clock())
  if (await subscriptions.isDue('suspended', now)) return true
  // A type that nobody stands behind is to be marked.
  for (const { id: type, last } of await types.unspread())
    if (
      (await subscriptions.isDue({ type, last }, now)) ||
      !(await subscriptions.isAnyBehind({ type, last }))
    )
      return true
  return false
}

/** Until nothing is due. */
export async function giveOut(rooms: SubscriptionRooms, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await giveOutOnce(rooms, signal)) > 0);
}

async function giveOutOnce(rooms: SubscriptionRooms, signal: AbortSignal): Promise<number> {
  let worked = 0
  for (const type of await rooms.types.unspread()) {
    if (signal.aborted) return 0
    const claimed = await claim({ type: type.id, last: type.last }, rooms)
    if (claimed.length === 0) await rooms.types.markSpread(type)
    worked += await workOn(claimed, new Map([[type.id, type]]), rooms, signal)
  }
  return worked + (await workOn(await claim('suspended', rooms), new Map(), rooms, signal))
}

function claim(
  of: { type: number; last: number } | 'suspended',
  { subscriptions, node, clock }: SubscriptionRooms,
): Promise<StoredSubscription[]> {
  const now = clock()
  const token = `${claimToken(node)}${randomUUID()}`
  return subscriptions.claim({ of, token, now: iso(now), until: iso(now + CLAIM_MS), limit: AT_ONCE })
}

async function workOn(
  claimed: StoredSubscription[],
  types: Map<number, TypeOfEvents>,
  rooms: SubscriptionRooms,
  signal: AbortSignal,
): Promise<number> {
  const batches: Batches = new Map()
  const asked: AskedInboxes = new Map()
  const advanced = new Set<number>()
  await Promise.all(
    claimed.map(async (one) => {
      const type = types.get(one.type) ?? (await rooms.types.byId(one.type))
      try {
        if (type !== undefined) await giveTo(one, { type, batches, asked, advanced, signal }, rooms)
      } catch (cause) {
        // What goes on, however slowly, waits no longer each time.
        await suspend(advanced.has(one.id) ? { ...one, failures: 0 } : one, cause, rooms)
      }
      await rooms.subscriptions.release(one.id, one.claimed_by)
    }),
  )
  return claimed.length
}

/** One batch, so that all have their turn. Throws what stands in the way. */
async function giveTo(
  one: StoredSubscription,
  q: {
    type: TypeOfEvents
    batches: Batches
    asked: AskedInboxes
    /** Those that were given any event. */
    advanced: Set<number>
    signal: AbortSignal
  },
  rooms: SubscriptionRooms,
): Promise<void> {
  const { type, batches, asked, signal } = q
  const { fields, secrecy = 0 } = mayReceive({ ...one, type: type.name }, rooms)
  const service = parseServiceId(one.inbox)
  const client = subsystemOf(parseServiceId(one.room))
  if (isHaltedByInbox(one)) {
    const way = `${idText(client)} ${one.inbox}`
    const answer = asked.get(way) ?? rooms.deliveries.checkInbox({ client, service })
    asked.set(way, answer)
    await answer
  }
  const now = iso(rooms.clock())
  const waiting = await rooms.deliveries.waiting({ client, service, most: MOST_WAITING })
  if (waiting >= MOST_WAITING) {
    const dueAt = iso(rooms.clock() + REST_MS)
    await rooms.subscriptions.moved(one, { due_at: dueAt, error: 'messages_waiting' })
    return
  }
  const place = `${one.type} ${one.cursor}`
  let batch = batches.get(place)
  if (batch === undefined) {
    batch = { events: rooms.events.after(one.type, one.cursor), cut: createCuts() }
    batches.set(place, batch)
  }
  const { events, cut } = batch
  if (one.cursor < type.last && (await events).length === 0) {
    // Lost with a part of the database: without this it would be looked at again at once, for ever.
    await rooms.subscriptions.moved(one, { state: 'lapsed', error: 'events_lost', changed_at: now })
    return
  }
  const at = {
    ...{ cursor: one.cursor, given: one.given, filter_errors: one.filter_errors, reused: one.reused },
    secrecy: Math.max(one.secrecy ?? 0, secrecy),
  }
  const passes = compileFilter(JSON.parse(one.filters), () => {
    at.filter_errors++
  })
  let isThrough = false
  try {
    for (const event of await events) {
      // A filter may take milliseconds for each.
      await nextTurn()
      if (signal.aborted) break
      const became = await giveOne(
        event,
        { client, service, passes, cut, rule: fields?.response, after: at.given },
        rooms,
      )
      if (became === 'passed over') {
        const place = { subscription: one.id, sequence: event.sequence }
        rooms.log.warn(place, 'a subscription cannot be given an event, and goes on with the next one')
      }
      // Also one that it cannot be given stands in the chain: the subscriber sees that it is missing.
      if (became !== 'kept') at.given = event.sequence
      if (became === 'reused') at.reused++
      at.cursor = event.sequence
    }
    isThrough = true
  } finally {
    if (at.given > one.given) q.advanced.add(one.id)
    const free = { state: 'active', error: '', about: '', failures: 0, due_at: '', changed_at: now } as const
    await rooms.subscriptions.moved(one, { ...(isThrough && free), ...at })
  }
}

type Became = 'given' | 'reused' | 'kept' | 'passed over'

/**
 * What an event is refused for by itself holds up no other. Throws everything else that stands in the way.
 */
async function giveOne(
  stored: StoredEvent,
  q: Parameters<typeof givenOf>[1] & { client: ClientId; service: ServiceId },
  rooms: SubscriptionRooms,
): Promise<Became> {
  const { client, service } = q
  try {
    const given = givenOf(stored, q, rooms)
    if (given === undefined) return 'kept'
    const isReused = await enqueue({ client, service, ...given }, rooms)
    rooms.count('given')
    return isReused ? 'reused' : 'given'
  } catch (cause) {
    // Over since it was looked at.
    if (cause instanceof Fault && cause.code === 'delivery_expired') return 'kept'
    if (!isOfOneEvent(cause)) throw cause
    rooms.count('passed_over')
    return 'passed over'
  }
}

/** What is to be handed over; undefined for what was taken back, is over, or does not pass. */
function givenOf(
  stored: StoredEvent,
  q: {
    passes: ReturnType<typeof compileFilter>
    cut: Batch['cut']
    rule: FieldRule | undefined
    after: number
  },
  { keys, clock }: SubscriptionRooms,
) {
  if (stored.content === null) return undefined
  const { content } = stored
  const seal = sealOf(stored)
  const { event, whole, document, fields } = q.cut(seal, () => keys.open(seal, content), q.rule)
  if (isExpired(whole, clock()) || !q.passes(event)) return undefined
  const body = numbered(document, { sequence: stored.sequence, after: q.after })
  // When it is over is not for the contract to say.
  const expirytime = attributeOf(whole, 'expirytime')
  return {
    ...{ headers: STRUCTURED_HEADERS, body, fields },
    expirytime: expirytime === undefined ? undefined : String(expirytime),
  }
}

/**
 * True when the inbox was given an event by this name before, with other bytes: before a crash under another
 * filter or contract, or by an earlier subscription. It has it.
 */
async function enqueue(
  handed: Parameters<SubscriptionRooms['deliveries']['enqueue']>[0],
  rooms: SubscriptionRooms,
): Promise<boolean> {
  try {
    await rooms.deliveries.enqueue(handed)
    return false
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'event_id_reused') return true
    throw cause
  }
}

async function suspend(one: StoredSubscription, cause: unknown, rooms: SubscriptionRooms): Promise<void> {
  const { code, detail } = asFault(cause)
  if (code === 'delivery_key_missing') {
    // Another node has the key.
    await rooms.subscriptions.moved(one, { due_at: iso(rooms.clock() + REST_MS), error: code })
    return
  }
  const failures = one.failures + 1
  const dueAt = iso(rooms.clock() + backOff(failures, Math.random()))
  rooms.log.warn({ subscription: one.id, outcome: code, detail }, 'a subscription cannot be given events now')
  await rooms.subscriptions.moved(one, {
    ...{
      state: 'suspended',
      error: code,
      about: aboutOf(cause),
      failures,
      due_at: dueAt,
      changed_at: iso(rooms.clock()),
    },
  })
}
