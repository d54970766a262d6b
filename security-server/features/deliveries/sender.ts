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
  let isAskedAgain = false
  let isStopped = false

  async function sendOn(route: Route): Promise<number> {
    const now = rooms.clock()
    const token = `${rooms.node} ${randomUUID()}`
    // Of a way that failed one message tries whether it is open again.
    const limit = route.failures > 0 ? 1 : rooms.settings.sendersAtOnce
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

  async function sendAll(): Promise<void> {
    for (;;) {
      isAskedAgain = false
      const routes = isStopped ? [] : await rooms.routes.withWaiting(iso(rooms.clock()))
      const sent = await Promise.all(routes.map(sendOn))
      if (sent.every((one) => one === 0) && !isAskedAgain) return
    }
  }

  const run = (): Promise<void> => {
    running ??= sendAll().finally(() => {
      running = undefined
    })
    return running
  }
  return {
    run,
    wake() {
      isAskedAgain = true
      run().catch((err: unknown) => rooms.log.error({ err }, 'deliveries cannot be sent now'))
    },
    async stop() {
      isStopped = true
      await running?.catch(() => undefined)
    },
  }
}
