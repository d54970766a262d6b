/**
 * Events of an inbox as they come. Guarantees that an event is given to the caller only under a lease that
 * holds, that no event overtakes one of its key which went back, and that whoever stops leaves nothing leased
 * that he has not seen. A security server that is away stops nothing for good.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { wholeNumber } from './call-limits.ts'
import { ExchangeError } from './exchange-error.ts'
import { type FetchOptions, type InboxEvent, LEASE_SECONDS } from './inbox-event.ts'
import { pauseAfter } from './retries.ts'
import { mayPassLater } from './server-door.ts'

export type ReceiveOptions = Pick<FetchOptions, 'limit' | 'leaseSeconds'> & {
  /** Ends it; what was begun is done to its end. */
  signal?: AbortSignal
  /** The longest pause before an empty inbox is asked again; two seconds when absent. */
  idleMs?: number
  /** Hears of failures that may pass by themselves, and of events that nobody can read: it goes on. */
  onTrouble?: (trouble: unknown, event?: InboxEvent) => void
}

export type Fetch = (options: FetchOptions) => Promise<InboxEvent[]>

const IDLE_MS = 2000
const LONGEST_PAUSE_MS = 30_000
const GIVE_BACK_MS = 10_000

export async function* receive(fetch: Fetch, o: ReceiveOptions = {}): AsyncGenerator<InboxEvent, void, void> {
  for await (const batch of batches(fetch, o)) {
    const gone = new Set<string>()
    try {
      for (let one = batch.shift(); one !== undefined; one = batch.shift()) {
        if (o.signal?.aborted === true) {
          batch.unshift(one)
          return
        }
        if (gone.has(laneOf(one))) {
          await leave([one])
          continue
        }
        if (!(await holds(one, o))) gone.add(laneOf(one))
        else yield one
        // What is behind one that went back went back with it.
        if (one.state === 'returned') gone.add(laneOf(one))
      }
    } finally {
      await leave(batch)
    }
  }
}

/** What waits, as soon as something does; ends with the signal. Throws what no pause mends. */
export async function* batches(fetch: Fetch, o: ReceiveOptions): AsyncGenerator<InboxEvent[], void, void> {
  const idleMs = wholeNumber('idleMs', o.idleMs ?? IDLE_MS, 1)
  let [failures, empties] = [0, 0]
  const isOver = (): boolean => o.signal?.aborted === true
  while (!isOver()) {
    try {
      const batch = await fetch({
        ...pick(o),
        retries: 0,
        ...(o.signal !== undefined && { signal: o.signal }),
      })
      ;[failures, empties] = [0, batch.length === 0 ? empties + 1 : 0]
      if (batch.length > 0) yield batch
      else await pause(pauseAfter(empties, 0, idleMs), o.signal)
    } catch (thrown) {
      if (isOver()) return
      if (!(thrown instanceof ExchangeError) || !mayPassLater(thrown)) throw thrown
      failures++
      o.onTrouble?.(thrown)
      await pause(pauseAfter(failures, thrown.retryAfterMs, LONGEST_PAUSE_MS), o.signal)
    }
  }
}

/** Whether the lease holds; one that is half over is renewed first. */
export async function holds(one: InboxEvent, o: ReceiveOptions): Promise<boolean> {
  const leaseSeconds = o.leaseSeconds ?? LEASE_SECONDS
  if (one.leaseLeftMs > leaseSeconds * 500) return true
  try {
    await one.renew(leaseSeconds, o.signal === undefined ? {} : { signal: o.signal })
    return true
  } catch (trouble) {
    if (!(trouble instanceof ExchangeError)) throw trouble
    if (trouble.code !== 'client.lease_lost') o.onTrouble?.(trouble)
    return false
  }
}

/** Gives back what nobody has looked at; what cannot be given back comes again when its lease ends. */
export async function leave(events: readonly InboxEvent[]): Promise<void> {
  const heads = new Map([...events].reverse().map((one) => [laneOf(one), one]))
  const options = { untouched: true, deadlineMs: GIVE_BACK_MS, retries: 0 }
  await Promise.all([...heads.values()].map((one) => one.giveBack(options).catch(() => undefined)))
}

/** What has to stay in order: events of one sender with one key. */
export function laneOf({ sender, id, event: { partitionkey: key } }: InboxEvent): string {
  return key === undefined ? id : JSON.stringify([sender, key])
}

function pick({ limit, leaseSeconds, onTrouble }: ReceiveOptions): FetchOptions {
  return {
    ...(limit !== undefined && { limit }),
    ...(leaseSeconds !== undefined && { leaseSeconds }),
    ...(onTrouble !== undefined && { onTrouble }),
  }
}

/** Ends early with the signal. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
}
