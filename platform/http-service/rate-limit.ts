/** Limits the requests of each address to an admin API; the memory for this is bounded too. */
import { isIPv6 } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'

export type RateLimit = { perSecond: number; perMinute: number }

/** X-Road's default for its admin APIs. */
export const adminRateLimit: RateLimit = { perSecond: 20, perMinute: 600 }

export type Counter = {
  /** Counts one request of an address; returns 0 or, if it is one too many, the whole seconds to wait. */
  take(address: string): number
  /** Does not count what was taken at this time (ms) any more. */
  giveBack(address: string, takenAt: number): void
}

const MAX_ADDRESSES = 10_000

type Counts = { second: number; inSecond: number; minute: number; inMinute: number }

/**
 * Throws `too_many_requests` with Retry-After for an address that exceeds the limit of a second or a minute.
 * Listeners that are given one counter count together.
 */
export function limitRate(
  app: FastifyInstance,
  limit: RateLimit | Counter,
  clock: Clock,
  addressOf: (request: FastifyRequest) => string = ({ socket }) => socket.remoteAddress ?? '',
): void {
  const counter = 'take' in limit ? limit : createCounter(limit, clock)
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.rateLimit !== false) takeOne(counter, addressOf(request), reply)
  })
}

/**
 * Limits what one address may ask in vain: what is answered with success is not counted. For a listener where
 * only a verified signature brings success, so that many servers behind one address do not hinder each other,
 * and a stranger cannot make us verify much. What is under way counts, or many at once would all pass.
 */
export function limitVainRequests(app: FastifyInstance, limit: RateLimit, clock: Clock): void {
  const counter = createCounter(limit, clock)
  const taken = new WeakMap<FastifyRequest, { address: string; at: number }>()
  app.addHook('onRequest', async (request, reply) => {
    const one = { address: request.socket.remoteAddress ?? '', at: clock() }
    try {
      takeOne(counter, one.address, reply)
    } catch (thrown) {
      // It cost nothing; counted, the refusals of a moment would shut the address out for the rest of the
      // minute.
      counter.giveBack(one.address, one.at)
      throw thrown
    }
    taken.set(request, one)
  })
  app.addHook('onSend', async (request, reply) => {
    const one = taken.get(request)
    if (one !== undefined && reply.statusCode < 300) counter.giveBack(one.address, one.at)
    taken.delete(request)
  })
}

function takeOne(counter: Counter, address: string, reply: FastifyReply): void {
  const waitSeconds = counter.take(address)
  if (waitSeconds === 0) return
  reply.header('retry-after', waitSeconds)
  throw new Fault('too_many_requests')
}

export function createCounter(limit: RateLimit, clock: Clock): Counter {
  const addresses = new Map<string, Counts>()
  return {
    take(address) {
      const { second, minute } = timesOf(clock())
      const key = networkOf(address)
      const counts = addresses.get(key) ?? { second, inSecond: 0, minute, inMinute: 0 }
      if (counts.second !== second) Object.assign(counts, { second, inSecond: 0 })
      if (counts.minute !== minute) Object.assign(counts, { minute, inMinute: 0 })
      counts.inSecond++
      counts.inMinute++
      // The most recent address is last, so the first one can be dropped.
      addresses.delete(key)
      addresses.set(key, counts)
      if (addresses.size > MAX_ADDRESSES) addresses.delete(addresses.keys().next().value as string)
      if (counts.inMinute > limit.perMinute) return 60 - (second % 60)
      return counts.inSecond > limit.perSecond ? 1 : 0
    },
    giveBack(address, takenAt) {
      const { second, minute } = timesOf(takenAt)
      const counts = addresses.get(networkOf(address))
      if (counts === undefined) return
      // A later second or minute has not counted it, nor has what began anew after many other addresses.
      if (counts.second === second) counts.inSecond = Math.max(0, counts.inSecond - 1)
      if (counts.minute === minute) counts.inMinute = Math.max(0, counts.inMinute - 1)
    },
  }
}

function timesOf(ms: number): { second: number; minute: number } {
  return { second: Math.floor(ms / 1000), minute: Math.floor(ms / 60_000) }
}

/** One IPv6 customer has a /64 and could use a new address for each request. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length
    while (groups.length + after < 8) groups.push('0')
  }
  return groups.slice(0, 4).join(':')
}
