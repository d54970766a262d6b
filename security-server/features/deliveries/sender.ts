/**
 * Sends what waits, a few at once, the lanes of each way in their order. Each node claims its rows in the
 * database; what a node has claimed and not ended is claimed by another one when the claim runs out.
 */
import { randomUUID } from 'node:crypto'
import { asFault } from '#schemas/fault.ts'
import type { StoredOutbox } from './box-store.ts'
import { firstOf } from './first-of.ts'
import { renewEvery } from './renew-claim.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import { sendDelivery } from './send-delivery.ts'
import type { Route } from './tables.ts'

/** Renewed while an exchange lasts, which may take hours when a large body is slow. */
const CLAIM_MS = 3 * 60_000
const CALL = 'send-deliveries'
/** How often a way fills its places before others have their turn. */
const ROUNDS_IN_A_TURN = 16
/** How many messages of all ways a node has in memory. */
const MOST_AT_ONCE = 256

export type Sender = {
  /** Sends until nothing is due. Several calls share one run. */
  run(): Promise<void>
  /** Whether `run` would find anything now; reads only. */
  isDue(): Promise<boolean>
  /** Something is new: a node that is free runs soon. */
  wake(): void
  /** No more claims; resolves when what is being sent has ended. */
  stop(): Promise<void>
}

export function createSender(rooms: DeliveryRooms): Sender {
  let running: Promise<void> | undefined
  let isStopped = false
  let wakened = Promise.withResolvers<void>()
  /** The last way that had its turn: all have it, however many there are. */
  let last = 0

  /**
   * One turn of a way: as soon as half of its places are free again the next messages are claimed, so that
   * none waits for the slowest of those before it. Resolves to the number of messages.
   */
  async function sendOn(route: Route, places: number): Promise<number> {
    const token = `${rooms.node} ${randomUUID()}`
    const underWay = new Map<number, Promise<void>>()
    let sent = 0
    let isClosed = false
    const stopRenewing = renewEvery(CLAIM_MS, () =>
      rooms.outbox.renew([...underWay.keys()], { token, until: iso(rooms.clock() + CLAIM_MS) }),
    )
    const start = (row: StoredOutbox): void => {
      const ended = sendDelivery(row, { route, token }, rooms)
        .then((isOpen) => {
          if (!isOpen) isClosed = true
        })
        .catch((cause: unknown) => giveBack(row, token, cause))
        .finally(() => underWay.delete(row.position))
      underWay.set(row.position, ended)
    }
    try {
      for (;;) {
        const waked = wakened.promise
        const free = places - underWay.size
        const mayClaim = !isStopped && !isClosed && sent < places * ROUNDS_IN_A_TURN
        if (mayClaim && free * 2 >= places) {
          const now = rooms.clock()
          const rows = await rooms.outbox.claim({
            ...{ of: route.id, keys: rooms.keys.known, token, limit: free },
            ...{ now: iso(now), until: iso(now + CLAIM_MS) },
          })
          sent += rows.length
          for (const row of rows) start(row)
        }
        if (underWay.size === 0) return sent
        await firstOf([...(mayClaim ? [waked] : []), ...underWay.values()])
      }
    } finally {
      stopRenewing()
      await Promise.all(underWay.values())
    }
  }

  /**
   * The database or the log is away. What cannot be given back either is taken up again when the claim ends
   * or the process starts anew.
   */
  async function giveBack(row: StoredOutbox, token: string, cause: unknown): Promise<void> {
    const { code, detail } = asFault(cause)
    rooms.log.error(
      { err: cause, delivery: row.delivery, outcome: code, detail },
      'a delivery cannot be worked on',
    )
    const dueAt = iso(rooms.clock() + 5_000)
    await rooms.outbox.giveBack(row, { token, dueAt, error: code }).catch(() => undefined)
  }

  /** Each way goes on by itself: one that takes minutes for every answer holds up no other. */
  async function sendAll(): Promise<void> {
    const busy = new Map<number, { places: number; ended: Promise<void> }>()
    const idle = new Set<number>()
    const failures: unknown[] = []
    for (;;) {
      const waked = wakened.promise
      const asksForAll = busy.size === 0
      const isOver = isStopped || failures.length > 0
      const routes = isOver
        ? []
        : await rooms.routes.withWaiting({
            now: iso(rooms.clock()),
            except: [...busy.keys(), ...idle],
            after: last,
          })
      for (const route of routes) {
        const taken = [...busy.values()].reduce((sum, one) => sum + one.places, 0)
        // The last places are shared among many.
        const most = Math.min(rooms.settings.sendersAtOnce, Math.ceil((MOST_AT_ONCE - taken) / 4))
        if (most <= 0) break
        const places = route.failures > 0 ? 1 : most
        last = route.id
        const ended = sendOn(route, places)
          .then((sent) => {
            if (sent === 0) idle.add(route.id)
          })
          .catch((cause: unknown) => {
            failures.push(cause)
          })
          .finally(() => busy.delete(route.id))
        busy.set(route.id, { places, ended })
      }
      if (busy.size === 0 && routes.length === 0) {
        // A way whose turn ended while the database was asked was left out of the question.
        if (!asksForAll) continue
        if (failures.length > 0) throw failures[0]
        if (wakened.promise === waked) return
      }
      const isTime = await firstOf([waked, ...[...busy.values()].map(({ ended }) => ended)])
      // What was another node's, or lacks its key here, is looked at again.
      if (isTime || wakened.promise !== waked) idle.clear()
    }
  }

  const askAgain = (): void => {
    const { resolve } = wakened
    wakened = Promise.withResolvers()
    resolve()
  }
  const run = (): Promise<void> => {
    // Who joins a run may know of more than it has seen.
    if (running !== undefined) askAgain()
    running ??= sendAll().finally(() => {
      running = undefined
    })
    return running
  }
  rooms.jobs.onCall(CALL, () => {
    askAgain()
    run().catch((err: unknown) => rooms.log.error({ err }, 'deliveries cannot be sent now'))
  })
  return {
    run,
    isDue: async () =>
      (await rooms.routes.withWaiting({ now: iso(rooms.clock()), except: [], after: 0 })).length > 0,
    wake: () => rooms.jobs.call(CALL),
    async stop() {
      isStopped = true
      await running?.catch(() => undefined)
    },
  }
}
