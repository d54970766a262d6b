/**
 * Pushes waiting events to the own agency's system, for inboxes with an address behind `inbox:`. Guarantees
 * that each lane is pushed in order, one event at a time; an answer of 2xx is the acknowledgement. A system
 * that is away stops its inbox, not the events, and so does a receipt that cannot be signed or logged: what
 * the system has taken is not pushed again for that. Each inbox goes on by itself, a few at once: one whose
 * system takes minutes for every answer holds up no other.
 */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { STRUCTURED } from '#core/events/read-event.ts'
import { hasPassed } from '#platform/clock.ts'
import { backOff } from '#platform/jobs/back-off.ts'
import { asFault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import { pushAddress } from '../../local-systems/check-address.ts'
import type { LocalService } from '../../local-systems/local-systems.ts'
import { NotSent } from '../../peer/not-sent.ts'
import type { StoredInbox } from './box-store.ts'
import { acknowledge } from './pull.ts'
import { type DeliveryRooms, iso } from './rooms.ts'

/** More than the longest time-out of a service. */
const CLAIM_MS = 20 * 60_000
const AT_ONCE = 8
/** How many events of all inboxes a node has in memory. */
const MOST_AT_ONCE = 256
/** Whose answers took longer gets one place at a time, so that many of them do not take all. */
const SLOW_MS = 5_000
const LOOK_AGAIN_MS = 1_000

/** What the claims of a node's pushes begin with. */
export function pushToken(node: string): string {
  return `push ${node} `
}

type Pusher = {
  run(signal: AbortSignal): Promise<void>
  /** Whether `run` would find anything now; reads only where there are such inboxes. */
  isDue(): Promise<boolean>
}

export function createPusher(rooms: DeliveryRooms): Pusher {
  /** Inboxes whose system could not be reached; of this node alone. */
  const away = new Map<string, { failures: number; since: number; pauseMs: number }>()
  const slow = new Set<string>()
  /**
   * What systems have taken without a receipt so far, by inbox: positions, with the claims that keep them
   * from others.
   */
  const owed = new Map<string, Map<number, string>>()
  /** The last inbox that had its turn: all have it, however many there are. */
  let last = ''

  async function pushOf(turn: Turn): Promise<number> {
    const { local, to, service } = turn
    if (!(await giveOwed(service))) return rest(service)
    const time = rooms.clock()
    const token = `${pushToken(rooms.node)}${randomUUID()}`
    const rows = await rooms.inbox.claim({
      ...{ of: service, keys: rooms.keys.known, token, limit: turn.places },
      ...{ now: iso(time), until: iso(time + CLAIM_MS) },
    })
    if (rows.length === 0) return 0
    // The other places are free for others.
    turn.places = rows.length
    const reached = await Promise.all(rows.map((row) => pushOne(row, { local, to, token })))
    if (rooms.clock() - time > SLOW_MS) slow.add(service)
    else slow.delete(service)
    if (reached.includes(false)) return rest(service)
    away.delete(service)
    return rows.length
  }

  function rest(service: string): 0 {
    const failures = (away.get(service)?.failures ?? 0) + 1
    away.set(service, { failures, since: rooms.clock(), pauseMs: backOff(failures, Math.random()) })
    return 0
  }

  function rests(service: string): boolean {
    const one = away.get(service)
    return one !== undefined && !hasPassed(rooms.clock(), one.since, one.pauseMs)
  }

  /** Gives the receipts that could not be given before; false while they cannot. */
  async function giveOwed(service: string): Promise<boolean> {
    const positions = owed.get(service) ?? new Map<number, string>()
    for (const [position, token] of positions) {
      try {
        await acknowledge({ service, position, means: 'push' }, rooms)
      } catch (cause) {
        // Another node has pushed it since, or a person has ended it: there is no receipt to give any more.
        const isOurs = await rooms.inbox.extend(position, { token, until: iso(rooms.clock() + CLAIM_MS) })
        if (isOurs) {
          warn(service, cause)
          return false
        }
      }
      positions.delete(position)
    }
    owed.delete(service)
    return true
  }

  function warn(service: string, cause: unknown): void {
    const { code, detail } = asFault(cause)
    rooms.log.warn(
      { service, outcome: code, detail },
      'a pushed event was taken, and no receipt can be given now',
    )
  }

  /** False when the system cannot be reached, or no receipt can be given, which says nothing of the event. */
  async function pushOne(
    row: StoredInbox,
    { local, to, token }: { local: LocalService; to: string; token: string },
  ): Promise<boolean> {
    try {
      if (row.content === null) throw new Error('a waiting event has no content')
      const event = rooms.keys.open(`event ${row.delivery}`, row.content)
      const { status } = await rooms.serviceClient.call({
        ...{ service: { ...local, url: to }, method: 'POST', target: to },
        headers: [
          ['Content-Type', STRUCTURED],
          [HEADER.client, row.client],
          [HEADER.id, row.delivery],
        ],
        body: { size: event.length, bytes: event, open: () => Readable.from([event]) },
        take: () => ({
          write: () => undefined,
          end: async () => ({ body: undefined }),
          abort: async () => undefined,
        }),
      })
      if (status >= 200 && status < 300) return await taken(row, token)
      await giveBack(row, { token, error: `http_${status}` })
      return true
    } catch (cause) {
      const { code } = asFault(cause)
      const isAway = cause instanceof NotSent
      if (isAway) await rooms.inbox.giveBack(row, { token, dueAt: row.due_at, error: code, uncounted: true })
      else await giveBack(row, { token, error: code })
      return !isAway
    }
  }

  async function taken({ service, position }: StoredInbox, token: string): Promise<boolean> {
    try {
      await acknowledge({ service, position, means: 'push' }, rooms)
      return true
    } catch (cause) {
      warn(service, cause)
      owed.set(service, (owed.get(service) ?? new Map<number, string>()).set(position, token))
      return false
    }
  }

  /** Tried again later, or a dead letter when it was tried too often; the events behind it then go on. */
  async function giveBack(
    row: StoredInbox,
    { token, error }: { token: string; error: string },
  ): Promise<void> {
    if (row.attempts >= rooms.settings.attempts) {
      const ended = { state: 'dead', at: iso(rooms.clock()), error, drops: false } as const
      await rooms.inbox.end(row, ended, { from: ['waiting'], token })
      rooms.log.warn(
        { delivery: row.delivery, outcome: error },
        'an event that the system fails on went to the dead letters',
      )
      return
    }
    const dueAt = iso(rooms.clock() + backOff(row.attempts, Math.random()))
    await rooms.inbox.giveBack(row, { token, dueAt, error })
  }

  /** Inboxes whose turn it is, those after the last one first; each with the places that it has. */
  function turnsOf(busy: ReadonlyMap<string, { turn: Turn }>, idle: ReadonlySet<string>): Turn[] {
    let taken = [...busy.values()].reduce((sum, { turn }) => sum + turn.places, 0)
    const due: Omit<Turn, 'places'>[] = []
    for (const { service: local } of rooms.localSystems.view().services.values()) {
      const service = idText(local.id)
      const to = pushAddress(local.url)
      if (to === undefined || local.disabledNotice !== undefined) continue
      if (busy.has(service) || idle.has(service)) continue
      if (!rests(service)) due.push({ local, to, service })
    }
    due.sort((a, b) => (a.service < b.service ? -1 : 1))
    const first = due.findIndex(({ service }) => service > last)
    const inTurn = first < 0 ? due : [...due.slice(first), ...due.slice(0, first)]
    const turns: Turn[] = []
    for (const one of inTurn) {
      // The last places are shared among many.
      const most = Math.min(AT_ONCE, Math.ceil((MOST_AT_ONCE - taken) / 4))
      if (most <= 0) break
      const places = away.has(one.service) || slow.has(one.service) ? 1 : most
      turns.push({ ...one, places })
      taken += places
    }
    return turns
  }

  return {
    async isDue() {
      const of = turnsOf(new Map(), new Set()).map(({ service }) => service)
      if (of.some((service) => owed.has(service))) return true
      return rooms.inbox.isAnyDue({ of, keys: rooms.keys.known, now: iso(rooms.clock()) })
    },
    async run(signal) {
      const busy = new Map<string, { turn: Turn; ended: Promise<void> }>()
      const idle = new Set<string>()
      const failures: unknown[] = []
      for (;;) {
        const isOver = signal.aborted || failures.length > 0
        for (const turn of isOver ? [] : turnsOf(busy, idle)) {
          const { service } = turn
          last = service
          const ended = pushOf(turn)
            .then((pushed) => {
              if (pushed === 0) idle.add(service)
            })
            .catch((cause: unknown) => {
              failures.push(cause)
            })
            .finally(() => busy.delete(service))
          busy.set(service, { turn, ended })
        }
        if (busy.size === 0) break
        // While some take their time, others may have got something new.
        if (await isTimeBefore([...busy.values()].map(({ ended }) => ended))) idle.clear()
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}

type Turn = { local: LocalService; to: string; service: string; places: number }

/** Waits for the first of them; true when that takes so long that there may be more to do by now. */
async function isTimeBefore(some: Promise<void>[]): Promise<boolean> {
  const time = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => time.resolve(true), LOOK_AGAIN_MS)
  try {
    return await Promise.race([time.promise, ...some.map((one) => one.then(() => false))])
  } finally {
    clearTimeout(timer)
  }
}
