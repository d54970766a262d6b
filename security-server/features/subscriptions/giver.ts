/** Runs the giving out of a node: one run at a time, and again when something new came meanwhile. */
import type { Log } from '#platform/logging/create-log.ts'
import { giveOut } from './give-out.ts'
import { iso, type SubscriptionRooms } from './rooms.ts'

export function createGiver(log: Log) {
  const stopped = new AbortController()
  let running: Promise<void> | undefined
  let isAskedAgain = false

  async function runAll(rooms: SubscriptionRooms): Promise<void> {
    do {
      isAskedAgain = false
      await giveOut(rooms, stopped.signal)
    } while (isAskedAgain && !stopped.signal.aborted)
  }

  const run = (rooms: SubscriptionRooms): Promise<void> => {
    // Who joins a run may know of more than it has seen.
    isAskedAgain = true
    running ??= runAll(rooms).finally(() => {
      running = undefined
    })
    return running
  }
  return {
    /** Gives out until nothing is due. */
    run,
    /** Only reads, so that a room in which nothing happens writes nothing. */
    isDue: async ({ types, subscriptions, clock }: SubscriptionRooms): Promise<boolean> =>
      (await types.unspread()).length > 0 || (await subscriptions.isOneToTryAgain(iso(clock()))),
    /** Something is new: run soon. */
    wake(rooms: SubscriptionRooms): void {
      run(rooms).catch((err: unknown) => log.error({ err }, 'events cannot be given out now'))
    },
    /** No more claims; resolves when what is being given out has ended. */
    async stop(): Promise<void> {
      stopped.abort()
      await running?.catch(() => undefined)
    },
  }
}
