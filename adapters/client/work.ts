/**
 * Does something for each event of an inbox. Guarantees that an event is acknowledged only after its handler
 * has resolved, that events of one key are handled in order, one after the other, and that a handler is told
 * when its lease is lost.
 */
import { wholeNumber } from './call-limits.ts'
import { ExchangeError } from './exchange-error.ts'
import { againAfterSeconds, type InboxEvent, LEASE_SECONDS } from './inbox-event.ts'
import { batches, type Fetch, holds, laneOf, leave, type ReceiveOptions } from './receive.ts'

/**
 * `signal` says that the event is no longer this handler's, or that it takes too long. The end of the work
 * does not stop it.
 */
export type Handle = (event: InboxEvent, context: { signal: AbortSignal }) => unknown

/**
 * `onTrouble` hears of what a handler threw, too: the event is given out again after a pause that grows with
 * its attempts.
 */
export type WorkOptions = ReceiveOptions & {
  /** How many events of different keys are handled at once; 1 when absent. */
  atOnce?: number
  /** How long a handler may take, in which its lease is renewed; ten minutes when absent. */
  handleMs?: number
}

const HANDLE_MS = 600_000

export async function work(fetch: Fetch, handle: Handle, o: WorkOptions = {}): Promise<void> {
  const atOnce = wholeNumber('atOnce', o.atOnce ?? 1, 1)
  const handleMs = wholeNumber('handleMs', o.handleMs ?? HANDLE_MS, 1)
  for await (const batch of batches(fetch, o)) {
    const lanes = [...Map.groupBy(batch, laneOf).values()]
    const worker = async (): Promise<void> => {
      for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift())
        await workOn(lane, { handle, handleMs, o })
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, lanes.length) }, worker))
  }
}

/** One after the other, up to the first that fails or is not ours any more. */
async function workOn(
  lane: InboxEvent[],
  q: { handle: Handle; handleMs: number; o: WorkOptions },
): Promise<void> {
  for (let one = lane[0]; one !== undefined; one = lane[0]) {
    if (q.o.signal?.aborted === true || !(await holds(one, q.o))) break
    lane.shift()
    if (!(await handleOne(one, q))) break
  }
  await leave(lane)
}

/** Whether what comes behind it may be handled. */
async function handleOne(
  one: InboxEvent,
  { handle, handleMs, o }: { handle: Handle; handleMs: number; o: WorkOptions },
): Promise<boolean> {
  const keeper = keepLease(one, handleMs, o)
  try {
    await handle(one, { signal: keeper.signal })
  } catch (trouble) {
    keeper.stop()
    o.onTrouble?.(trouble, one)
    const delaySeconds = againAfterSeconds(one.attempt)
    if (one.state === 'leased') await one.giveBack({ delaySeconds }).catch(() => undefined)
    return false
  }
  keeper.stop()
  if (one.state !== 'leased') return one.state === 'acknowledged'
  try {
    await one.acknowledge()
    return true
  } catch (trouble) {
    // It comes again, and its handler knows it by source and id.
    o.onTrouble?.(trouble, one)
    return trouble instanceof ExchangeError && trouble.status === 409
  }
}

/** Renews in time while the handler works, but not for ever: one that hangs must not hold its event. */
function keepLease(one: InboxEvent, handleMs: number, o: WorkOptions): { signal: AbortSignal; stop(): void } {
  const leaseSeconds = o.leaseSeconds ?? LEASE_SECONDS
  const controller = new AbortController()
  const end = setTimeout(() => stop(new DOMException('the handler takes too long', 'TimeoutError')), handleMs)
  const renew = setInterval(
    () => {
      one.renew(leaseSeconds).catch((trouble: unknown) => {
        if (one.leaseLeftMs <= 0 || (trouble instanceof ExchangeError && trouble.status === 409))
          stop(trouble)
      })
    },
    (leaseSeconds * 1000) / 3,
  )
  function stop(reason?: unknown): void {
    clearTimeout(end)
    clearInterval(renew)
    if (reason !== undefined) controller.abort(reason)
  }
  return { signal: controller.signal, stop: () => stop() }
}
