/**
 * Sends what waits, a few at once, the lanes of each way in their order. Each node claims its rows in the database; what a node has
 * claimed and not ended is claimed by another one when the claim runs out.
 */
import { randomUUID } from 'node:crypto'
import { asFault } from '#schemas/fault.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import type { Route } from './route-store.ts'
import { sendDelivery } from './send-delivery.ts'

/** Longer than any exchange takes. */
const CLAIM_MS = 10 * 60_000
/** How many messages of all ways a node has in memory. */
const MOST_AT_ONCE = 256
const LOOK_AGAIN_MS = 1_000

export type Sender = {
  /** Sends until nothing is due. Several calls share one run. */
  run(): Promise<void>
  /** Something is new: run soon. */
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

  async function sendOn(route: Route, places: number): Promise<number> {
    const now = rooms.clock()
    const token = `${rooms.node} ${randomUUID()}`
    // Of a way that failed one message tries whether it is open again.
    const limit = route.failures > 0 ? 1 : places
    const rows = await rooms.outbox.claim({
      ...{ of: route.id, keys: rooms.keys.known, token, limit },
      ...{ now: iso(now), until: iso(now + CLAIM_MS) },
    })
    const results = await Promise.allSettled(rows.map((row) => sendDelivery(row, { route, token }, rooms)))
    for (const [i, result] of results.entries()) {
      if (result.status === 'fulfilled') continue
      // The database or the log is away: the row is claimed, and is taken up again when the claim ends or the process starts anew.
      const { code, detail } = asFault(result.reason)
      rooms.log.error(
        { err: result.reason, delivery: rows[i]!.delivery, outcome: code, detail },
        'a delivery cannot be worked on',
      )
      const dueAt = iso(rooms.clock() + 5_000)
      await rooms.outbox.giveBack(rows[i]!, { token, dueAt, error: code }).catch(() => undefined)
    }
    return rows.length
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
      const isTime = await settled([waked, ...[...busy.values()].map(({ ended }) => ended)])
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
  return {
    run,
    wake() {
      askAgain()
      run().catch((err: unknown) => rooms.log.error({ err }, 'deliveries cannot be sent now'))
    },
    async stop() {
      isStopped = true
      await running?.catch(() => undefined)
    },
  }
}

/** Waits for the first of them; true when that takes so long that others may be due by now. */
async function settled(some: Promise<void>[]): Promise<boolean> {
  const time = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => time.resolve(true), LOOK_AGAIN_MS)
  try {
    return await Promise.race([time.promise, ...some.map((one) => one.then(() => false))])
  } finally {
    clearTimeout(timer)
  }
}
