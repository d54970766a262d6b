/**
 * Runs the giving out of a node: one run at a time, and again when something new came meanwhile. What is new
 * is announced to the node that is free; the rows decide what is given out.
 */
import type { Log } from '#platform/logging/create-log.ts'
import { giveOut } from './give-out.ts'
import type { SubscriptionRooms } from './rooms.ts'

const CALL = 'give-out-events'

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
    /** From now on this node takes calls. */
    listen: (rooms: SubscriptionRooms): void =>
      rooms.jobs.onCall(CALL, () => {
        run(rooms).catch((err: unknown) => log.error({ err }, 'events cannot be given out now'))
      }),
    /** Gives out until nothing is due. */
    run,
    /** Something is new: a node that is free runs soon. */
    wake: ({ jobs }: Pick<SubscriptionRooms, 'jobs'>): void => jobs.call(CALL),
    /** No more claims; resolves when what is being given out has ended. */
    async stop(): Promise<void> {
      stopped.abort()
      await running?.catch(() => undefined)
    },
  }
}
