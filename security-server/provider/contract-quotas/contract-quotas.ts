/**
 * The quotas of contracts at one node. Guarantees that a call passes only with a call that the database has
 * leased to this node, and that the database is asked a few times a second for each contract, however many
 * calls come: those that come while it is asked are asked for together. What is leased and not used goes back
 * within half a second; what a crashed node had leased is lost.
 */
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { ContractQuota } from '../../global-configuration/contracts/index-contracts.ts'
import { bucketOf, dayOf, type UsedUp } from './grant.ts'
import type { DayUse, News, QuotaStore } from './store.ts'

export type ContractQuotas = {
  /**
   * Counts a call under this version ("<id>/<version>", '' for none), if the parties agreed on a quota;
   * returns the function that takes it back, for a call that is not made after all. Throws
   * `contract_quota_used_up`, or `contract_quota_unknown` while the database cannot be asked.
   */
  take(version: string): Promise<() => void>
  /** Today's calls of a contract by all nodes; what is leased counts as used. */
  useToday(contract: string): Promise<DayUse>
  /** Gives back what is leased. */
  close(): Promise<void>
}

/** A call that waits for the database. */
type Waiter = { version: string; resolve(takeBack: () => void): void; reject(fault: Fault): void }

type Lease = { left: number; day: string; at: number }

/** A contract at this node. */
type Use = {
  quota: ContractQuota
  lease: Lease | undefined
  /** Calls that were counted and not made: the database gets them, for its bucket may be full again. */
  back: { day: string; calls: number } | undefined
  waiting: Waiter[]
  asking: Promise<void> | undefined
  /** Refuse without asking from `at` until `until`. */
  closed: (UsedUp & { at: number; until: number }) | undefined
  /** Refused and not yet told to the database. */
  refused: number
  /** The calls of this stretch of time and of the one before: so many are leased ahead. */
  pace: { at: number; now: number; before: number }
  timer: NodeJS.Timeout | undefined
}

const UNCOUNTED = Promise.resolve(() => undefined)
const LEASE_MS = 500
/** Meanwhile other nodes may have given calls back. */
const MOST_CLOSED_MS = 1000
/** Long enough for some calls to be leased together, where a bucket holds that many. */
const PAUSE_MS = 250

export function createContractQuotas(q: {
  store: QuotaStore
  clock: Clock
  quotaOf(version: string): ContractQuota | undefined
  /** Counts the questions to the database, for the metrics. */
  onLease(): void
}): ContractQuotas {
  const { store, clock } = q
  const uses = new Map<string, Use>()
  let isClosed = false

  function useOf(contract: string, quota: ContractQuota): Use {
    const known = uses.get(contract)
    if (known === undefined) {
      const made: Use = {
        ...{ quota, lease: undefined, back: undefined, refused: 0 },
        ...{ waiting: [], asking: undefined, closed: undefined, timer: undefined },
        pace: { at: clock(), now: 0, before: 0 },
      }
      uses.set(contract, made)
      return made
    }
    // A new version goes on with the count of the old one, under its own limits.
    if (known.quota !== quota && JSON.stringify(known.quota) !== JSON.stringify(quota))
      known.closed = undefined
    known.quota = quota
    return known
  }

  /** The function that takes back a call which was counted on this day. */
  const takeBackOf = (contract: string, use: Use, day: string) => (): void => {
    use.back = { day, calls: 1 + callsOf(use.back, day) }
    use.closed = undefined
    tellLater(contract, use)
  }

  /** Asks for what waits, until nothing does; also gives back a lease that is over. */
  async function ask(contract: string, use: Use): Promise<void> {
    do {
      const batch = use.waiting.splice(0)
      const news = newsOf(use)
      const now = clock()
      try {
        q.onLease()
        const wanted = { waiting: batch.length, ahead: batch.length === 0 ? 0 : use.pace.before }
        const given = await store.lease({ contract, quota: use.quota, wanted, news, now })
        const day = dayOf(now)
        use.lease = { left: given.ahead, day, at: now }
        use.closed = closedBy(given.usedUp, use.quota, now)
        for (const { resolve } of batch.splice(0, given.granted)) resolve(takeBackOf(contract, use, day))
        for (const { version, reject } of batch) reject(usedUp(version, use, given.usedUp, now))
      } catch (cause) {
        // Whether the lease was made is not known: nobody gets it.
        use.refused += news.refused
        for (const { version, reject } of batch)
          reject(new Fault('contract_quota_unknown', { what: version, cause, retryAfter: 1 }))
      }
    } while (use.waiting.length > 0)
  }

  function usedUp(version: string, use: Use, by: UsedUp | undefined, now: number): Fault {
    use.refused += 1
    const again = by?.again ?? now
    const said =
      by?.limit === 'day'
        ? `${use.quota.perDay} calls a day (UTC)`
        : `${bucketOf(use.quota)?.perSecond} calls a second`
    return new Fault('contract_quota_used_up', {
      what: `${version}: ${said}, again at ${new Date(again).toISOString()}`,
      retryAfter: Math.max(1, Math.ceil((again - now) / 1000)),
    })
  }

  function start(contract: string, use: Use): void {
    use.asking ??= ask(contract, use).finally(() => {
      use.asking = undefined
      // A call may have come since the last question was answered.
      if (use.waiting.length > 0) start(contract, use)
      else tellLater(contract, use)
    })
  }

  /** What is not used, and how many were refused, is told to the database when the lease is over. */
  function tellLater(contract: string, use: Use): void {
    if (isClosed || use.timer !== undefined || !hasNews(use)) return
    use.timer = setTimeout(() => {
      use.timer = undefined
      if (use.lease !== undefined && isGood(use.lease, clock())) tellLater(contract, use)
      else if (hasNews(use)) start(contract, use)
    }, LEASE_MS).unref()
  }

  return {
    take(version) {
      const quota = q.quotaOf(version)
      if (quota === undefined) return UNCOUNTED
      const contract = version.slice(0, version.lastIndexOf('/'))
      const use = useOf(contract, quota)
      const now = clock()
      keepPace(use, now)
      const { lease, closed } = use
      if (lease !== undefined && use.waiting.length === 0 && isGood(lease, now)) {
        lease.left -= 1
        return Promise.resolve(takeBackOf(contract, use, lease.day))
      }
      if (closed !== undefined && closed.at <= now && now < closed.until) {
        const fault = usedUp(version, use, closed, now)
        tellLater(contract, use)
        return Promise.reject(fault)
      }
      return new Promise((resolve, reject) => {
        use.waiting.push({ version, resolve, reject })
        start(contract, use)
      })
    },
    useToday: (contract) => store.useOf(contract, dayOf(clock())),
    async close() {
      isClosed = true
      await Promise.all(
        [...uses].map(async ([contract, use]) => {
          clearTimeout(use.timer)
          await use.asking
          if (hasNews(use)) await ask(contract, use)
        }),
      )
    },
  }
}

/** What the database is told with the next question; if that fails, nobody has it any more. */
function newsOf(use: Use): News {
  const { lease, back, refused } = use
  use.lease = undefined
  use.back = undefined
  use.refused = 0
  const day = (lease !== undefined && lease.left > 0 ? lease : back)?.day ?? ''
  const calls = (lease?.left ?? 0) + callsOf(back, day)
  return { back: calls === 0 ? undefined : { day, calls }, refused }
}

function callsOf(back: Use['back'], day: string): number {
  return back?.day === day ? back.calls : 0
}

function hasNews({ lease, back, refused }: Use): boolean {
  return (lease !== undefined && lease.left > 0) || back !== undefined || refused > 0
}

/** Until half of the bucket is full again the database is not asked for every single call. */
function closedBy(usedUp: UsedUp | undefined, quota: ContractQuota, now: number): Use['closed'] {
  if (usedUp === undefined) return undefined
  const { perSecond, burst } = bucketOf(quota) ?? { perSecond: 1, burst: 1 }
  const pause = Math.min(PAUSE_MS, (500 * burst) / perSecond)
  const until = usedUp.limit === 'day' ? usedUp.again : Math.max(usedUp.again, now + pause)
  return { ...usedUp, at: now, until: Math.min(until, now + MOST_CLOSED_MS) }
}

function isGood({ left, day, at }: Lease, now: number): boolean {
  return left > 0 && !hasPassed(now, at, LEASE_MS) && day === dayOf(now)
}

function keepPace({ pace }: Use, now: number): void {
  if (hasPassed(now, pace.at, LEASE_MS)) {
    pace.before = hasPassed(now, pace.at, 2 * LEASE_MS) ? 0 : pace.now
    pace.now = 0
    pace.at = now
  }
  pace.now += 1
}
