/**
 * Gives a PULL subscription its next events under a lease. Guarantees that each is given out again until it
 * was confirmed, that events of one partition key are given out in order, and that an event has the same
 * numbers each time.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { compileFilter } from '#core/cesql/filter.ts'
import type { FieldRule } from '#core/contract/allowed-fields.ts'
import { attributeOf } from '#core/events/cloud-event.ts'
import { isOver } from '#platform/not-before.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { FieldsOnRecord } from '../../peer/fields-on-record.ts'
import { cutEvent, type GivenEvent, isExpired, isOfOneEvent, numbered } from './given-event.ts'
import { sealOf } from './publish.ts'
import type { StoredEvent } from './publish-store.ts'
import type { StoredPull } from './pull-store.ts'
import { iso, type SubscriptionRooms } from './rooms.ts'
import type { StoredSubscription } from './subscription-reads-store.ts'
import { LONGEST_LEASE_MS, type PullRow } from './tables.ts'
import type { StoredType } from './type-store.ts'
import { eventView } from './views.ts'

/** `secrecy`: of the contract under which it is given events now. */
type Pulling = {
  type: StoredType
  one: StoredSubscription
  limit: number
  leaseMs: number
  secrecy: number
}
type Ruled = { rule: FieldRule | undefined }

/** Given out and not confirmed, of one subscription. */
const MOST_UNCONFIRMED = 1_000
/** Of a filter that lets little pass, one call looks at so many batches; the next call goes on. */
const MOST_BATCHES = 16
const MAX_OCTETS = 4 * 1024 * 1024
const MAX_NAMES = 100

/** The events as a JSON list, and what was taken out of them. Throws `subscription_halted`. */
export async function pull(
  q: Pulling & Ruled,
  rooms: SubscriptionRooms,
): Promise<{ text: string; fields: FieldsOnRecord | undefined }> {
  const { type, one, limit, leaseMs } = q
  checkPulls(one)
  const waiting = await fill(q, rooms)
  const now = rooms.clock()
  const busy = new Set(waiting.filter((row) => !isFree(row, iso(now))).map(({ lane }) => lane))
  const free = waiting.filter(({ lane }) => !busy.has(lane))
  const chosen: { row: StoredPull; stored: StoredEvent; given: GivenEvent }[] = []
  let octets = 0
  for (const row of free) {
    if (chosen.length === limit) break
    const stored = await rooms.events.find(type.id, row.sequence)
    const given = stored === undefined ? undefined : openEvent(stored, q.rule, rooms)
    // Also what it cannot be given any more: the contract is another one by now.
    const isGone = given === undefined || given === 'passed over'
    if (given === 'passed over') tellPassedOver(one, row.sequence, rooms)
    if (stored === undefined || isGone || isExpired(given.whole, now)) {
      await rooms.pulls.confirm(one.id, row.sequence)
      continue
    }
    octets += given.document.length
    if (octets > MAX_OCTETS && chosen.length > 0) break
    chosen.push({ row, stored, given })
  }
  const sequences = chosen.map(({ row }) => row.sequence)
  const until = iso(now + leaseMs)
  const leased = await rooms.pulls.lease({ subscription: one.id, sequences, now: iso(now), until })
  // Another call was faster: what follows in its lanes comes again when this lease is over.
  const lost = new Set(chosen.filter(({ row }) => !leased.has(row.sequence)).map(({ row }) => row.lane))
  const gotten = chosen.filter(({ row }) => !lost.has(row.lane))
  const items = gotten.map(({ row, stored, given }) => {
    const head = JSON.stringify({ ...eventView(stored, type), leasedUntil: until })
    return `${head.slice(0, -1)},"event":${numbered(given.document, row).toString()}}`
  })
  return {
    text: `[${items.join(',')}]`,
    fields:
      q.rule &&
      together(
        q.rule.digest,
        gotten.map(({ given }) => given.fields!.removed),
      ),
  }
}

/** Confirming again does nothing. Throws `not_found` for what it was never given, `subscription_halted`. */
export async function confirm(
  type: StoredType,
  one: StoredSubscription,
  sequence: number,
  rooms: SubscriptionRooms,
): Promise<void> {
  checkPulls(one)
  if (await rooms.pulls.confirm(one.id, sequence)) return
  if (sequence > one.given || (await rooms.events.find(type.id, sequence)) === undefined)
    throw new Fault('not_found', { what: say`this subscription was not given the event` })
}

function checkPulls(one: StoredSubscription): void {
  if (one.state !== 'active') throw new Fault('subscription_halted', { what: one.state })
}

function isFree({ leased_until: until }: StoredPull, now: string): boolean {
  return isOver(until, { now, longestMs: LONGEST_LEASE_MS })
}

/**
 * Looks at events until there are enough that could be given; resolves to all that wait for their
 * confirmation.
 */
async function fill(q: Pulling & Ruled, rooms: SubscriptionRooms): Promise<StoredPull[]> {
  let { one } = q
  let waiting = await rooms.pulls.of(one.id)
  for (let batches = 0; batches < MOST_BATCHES; batches++) {
    const now = iso(rooms.clock())
    const unleased = waiting.filter((row) => isFree(row, now)).length
    const wanted = Math.min(q.limit - unleased, MOST_UNCONFIRMED - waiting.length)
    if (wanted <= 0) break
    const looked = await look(one, { ...q, wanted }, rooms)
    if (looked.cursor === one.cursor) break
    await rooms.pulls.take(one, { ...looked, now, secrecy: Math.max(one.secrecy ?? 0, q.secrecy) })
    // Also what a call at the same time has taken.
    const again = await rooms.subscriptions.byId(one.id)
    if (again === undefined) break
    one = again
    waiting = await rooms.pulls.of(one.id)
  }
  return waiting
}

function tellPassedOver(one: StoredSubscription, sequence: number, rooms: SubscriptionRooms): void {
  const place = { subscription: one.id, sequence }
  rooms.log.warn(place, 'a subscription cannot be given an event, and goes on with the next one')
  rooms.count('passed_over')
}

async function look(
  one: StoredSubscription,
  { type, wanted, rule }: Pulling & Ruled & { wanted: number },
  rooms: SubscriptionRooms,
) {
  const found = { cursor: one.cursor, given: one.given, filterErrors: 0, rows: [] as PullRow[] }
  const passes = compileFilter(JSON.parse(one.filters), () => {
    found.filterErrors++
  })
  for (const stored of await rooms.events.after(type.id, one.cursor)) {
    if (found.rows.length === wanted) break
    // A filter may take milliseconds for each.
    await nextTurn()
    found.cursor = stored.sequence
    const given = openEvent(stored, rule, rooms)
    if (given === 'passed over') {
      tellPassedOver(one, stored.sequence, rooms)
      // It stands in the chain: the subscriber sees that it is missing.
      found.given = stored.sequence
      continue
    }
    if (given === undefined || isExpired(given.whole, rooms.clock()) || !passes(given.event)) continue
    const key = attributeOf(given.event, 'partitionkey')
    found.rows.push({
      ...{ subscription: one.id, sequence: stored.sequence, after: found.given, leased_until: '' },
      lane:
        key === undefined
          ? String(stored.sequence)
          : rooms.names.nameOf(['room partition', type.room, String(key)]),
    })
    found.given = stored.sequence
  }
  return found
}

/** Undefined for what was taken back. What an event is refused for by itself holds up no other. */
function openEvent(
  stored: StoredEvent,
  rule: FieldRule | undefined,
  { keys }: Pick<SubscriptionRooms, 'keys'>,
): GivenEvent | 'passed over' | undefined {
  if (stored.content === null) return undefined
  const document = keys.open(sealOf(stored), stored.content)
  try {
    return cutEvent(document, rule)
  } catch (cause) {
    if (isOfOneEvent(cause)) return 'passed over'
    throw cause
  }
}

function together(rule: string, all: FieldsOnRecord['removed'][]): FieldsOnRecord {
  const names = new Set(all.flatMap((one) => one.names))
  const told = [...names].slice(0, MAX_NAMES)
  const isMore = told.length < names.size || all.some((one) => one.isMore)
  return { rule, removed: { names: told, count: all.reduce((sum, { count }) => sum + count, 0), isMore } }
}
