/**
 * Work that falls due by time: messages that expired, that could not be sent for too long, that a crash left
 * half accepted, and rows that nobody needs any more. Each part takes bounded steps.
 */
import { isOver } from '#platform/not-before.ts'
import { asFault } from '#schemas/fault.ts'
import { abandonReceived, abandonSent } from './abandon.ts'
import type { StoredOutbox } from './box-store.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import { LONGEST_CLAIM_MS } from './tables.ts'

const HALF_ACCEPTED_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const AT_ONCE = 500
const ENDED = ['done', 'consumed', 'abandoned', 'unconfirmed'] as const

/** Whether `keepUp` would find anything now; reads only. */
export async function isUpkeepDue(rooms: DeliveryRooms): Promise<boolean> {
  const { outbox, inbox, routes, inboxReceipts } = rooms
  const now = rooms.clock()
  const { forgotten, tooLong } = limits(rooms)
  for (const box of [outbox, inbox]) {
    if (await box.isAnyExpired(iso(now))) return true
    for (const state of ENDED) if ((await box.unchanged(state, forgotten, 1)).length > 0) return true
  }
  return (
    (await outbox.unchanged('accepting', iso(now - HALF_ACCEPTED_MS), 1)).length > 0 ||
    (await routes.tooLong({ before: tooLong, now: iso(now), limit: 1 })).length > 0 ||
    (await inboxReceipts.isAnyBefore(forgotten)) ||
    (await routes.isToMend(iso(now + HOUR_MS)))
  )
}

/** What ended before `forgotten` goes, and what waits since before `tooLong` is given up. */
function limits({ clock, settings }: DeliveryRooms): { forgotten: string; tooLong: string } {
  const now = clock()
  return {
    forgotten: iso(now - settings.keepDays * DAY_MS),
    tooLong: iso(now - settings.retryHours * HOUR_MS),
  }
}

/** `signal` ends it between two steps. */
export async function keepUp(rooms: DeliveryRooms, signal: AbortSignal): Promise<void> {
  const { outbox, inbox } = rooms
  await each(
    signal,
    () => outbox.expired(iso(rooms.clock())),
    rooms,
    (row) => abandonSent(row, { reason: 'delivery_expired' }, rooms),
  )
  await each(
    signal,
    () => inbox.expired(iso(rooms.clock())),
    rooms,
    (row) => abandonReceived(row, 'delivery_expired', rooms),
  )
  await each(
    signal,
    () => outbox.unchanged('accepting', iso(rooms.clock() - HALF_ACCEPTED_MS), 64),
    rooms,
    (row) => resume(row, rooms),
  )
  await giveUp(rooms, signal)
  await forget(rooms, signal)
  const now = rooms.clock()
  await rooms.routes.mend({ now: iso(now), latest: iso(now + HOUR_MS) })
}

/** Repeats until nothing is found, or nothing that was found could be done. */
async function each<Row extends { delivery: string }>(
  signal: AbortSignal,
  find: () => Promise<Row[]>,
  rooms: DeliveryRooms,
  act: (row: Row) => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    const rows = await find()
    const done = await Promise.allSettled(rows.map(act))
    for (const [i, one] of done.entries()) {
      if (one.status === 'fulfilled') continue
      const { code, detail } = asFault(one.reason)
      rooms.log.error(
        { delivery: rows[i]!.delivery, outcome: code, detail },
        'a delivery cannot be ended now',
      )
    }
    if (!done.some(({ status }) => status === 'fulfilled')) return
  }
}

/**
 * A crash came before the answer. If the receipt is in the log the message is ours to deliver; else it was
 * never accepted.
 */
async function resume(row: StoredOutbox, rooms: DeliveryRooms): Promise<void> {
  const found = await rooms.messageLog.list({ queryId: row.delivery, limit: 10 })
  const accepted = found.find(({ kind }) => kind === 'accepted')
  if (accepted === undefined) await rooms.outbox.remove('accepting', [row.position])
  else await rooms.outbox.confirm({ row, record: Number(accepted.idx), at: iso(rooms.clock()) })
}

async function giveUp(rooms: DeliveryRooms, signal: AbortSignal): Promise<void> {
  for (let found = AT_ONCE; found === AT_ONCE && !signal.aborted; ) {
    const { tooLong: before } = limits(rooms)
    const positions = await rooms.routes.tooLong({ before, now: iso(rooms.clock()), limit: AT_ONCE })
    let ended = 0
    for (const position of positions) if (await giveUpOne(position, rooms)) ended += 1
    found = ended
  }
}

function isClaimed({ claimed_until: until }: StoredOutbox, { clock }: DeliveryRooms): boolean {
  return !isOver(until, { now: iso(clock()), longestMs: LONGEST_CLAIM_MS })
}

async function giveUpOne(position: number, rooms: DeliveryRooms): Promise<boolean> {
  const row = await rooms.outbox.find(position)
  // Somebody has begun to send it since it was found.
  if (row === undefined || isClaimed(row, rooms)) return false
  const arrived = row.claimed_by === '' ? row.arrived : 'unknown'
  const error = row.error || 'not_delivered'
  const ended = { state: 'dead', at: iso(rooms.clock()), error, arrived, drops: false } as const
  return rooms.outbox.end(row, ended, { from: ['waiting'], token: row.claimed_by })
}

async function forget(rooms: DeliveryRooms, signal: AbortSignal): Promise<void> {
  const { forgotten: before } = limits(rooms)
  for (const state of ENDED)
    for (const box of [rooms.outbox, rooms.inbox])
      for (let found = AT_ONCE; found === AT_ONCE && !signal.aborted; ) {
        const positions = (await box.unchanged(state, before)).map(({ position }) => position)
        await box.remove(state, positions)
        found = positions.length
      }
  await rooms.inboxReceipts.forget(before)
  // Long after whatever was on its way into an inbox.
  await rooms.erasedRequests.forget(iso(rooms.clock() - DAY_MS))
}
