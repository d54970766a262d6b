/**
 * How many calls a contract's quota allows now: a token bucket for each second, a count for each day of UTC.
 * Pure. Tokens are thousandths of a call, so that a millisecond refills a whole number of them.
 */
import type { ContractQuota } from '../../global-configuration/contracts/index-contracts.ts'

export type Bucket = { tokens: number; at: number }

/** What a node asks for. */
export type Wanted = {
  /** Calls that wait. */
  waiting: number
  /** Calls that it expects until its lease ends. */
  ahead: number
}

/** The limit that is reached, and when a call may pass again (ms). */
export type UsedUp = { limit: 'second' | 'day'; again: number }

export type Grant = {
  /** Of the calls that wait, and for those to come. */
  granted: number
  ahead: number
  bucket: Bucket
  /** Set when not all that wait were granted. */
  usedUp: UsedUp | undefined
}

const CALL = 1000
const DAY_MS = 86_400_000
/**
 * Clocks of nodes may differ by this; a bucket that is further ahead was filled by a clock that has been put
 * right since.
 */
const MOST_SKEW_MS = 10_000

/** `burst` alone is the number a second, too; without both no bucket limits. */
export function bucketOf({
  perSecond,
  burst,
}: ContractQuota): { perSecond: number; burst: number } | undefined {
  const rate = perSecond ?? burst
  return rate === undefined ? undefined : { perSecond: rate, burst: burst ?? rate }
}

/** A bucket that was never used. */
export function fullBucket(quota: ContractQuota, now: number): Bucket {
  return { tokens: (bucketOf(quota)?.burst ?? 0) * CALL, at: now }
}

/**
 * Grants what waits as far as the quota reaches, and of the rest for calls to come at most half: other nodes
 * have calls, too. `used`: of this day, by all nodes.
 */
export function grant(q: {
  quota: ContractQuota
  bucket: Bucket
  /** Calls that were leased and not made: they return to the bucket. */
  back: number
  used: number
  wanted: Wanted
  now: number
}): Grant {
  const { quota, wanted, now } = q
  const limit = bucketOf(quota)
  const bucket = refilled(q)
  const inBucket = limit === undefined ? Number.POSITIVE_INFINITY : Math.floor(bucket.tokens / CALL)
  const inDay = Math.max(0, (quota.perDay ?? Number.POSITIVE_INFINITY) - q.used)
  const left = Math.min(inBucket, inDay)
  const granted = Math.min(wanted.waiting, left)
  const ahead = Math.min(wanted.ahead, Math.ceil((left - granted) / 2))
  if (limit !== undefined) bucket.tokens -= (granted + ahead) * CALL
  if (granted === wanted.waiting) return { granted, ahead, bucket, usedUp: undefined }
  if (inDay <= inBucket || limit === undefined)
    return {
      granted,
      ahead,
      bucket,
      usedUp: { limit: 'day', again: (Math.floor(now / DAY_MS) + 1) * DAY_MS },
    }
  const again = Math.max(now, bucket.at) + Math.ceil((CALL - bucket.tokens) / limit.perSecond)
  return { granted, ahead, bucket, usedUp: { limit: 'second', again } }
}

/** A clock that went back refills nothing. */
function refilled({ quota, bucket, back, now }: Parameters<typeof grant>[0]): Bucket {
  const limit = bucketOf(quota)
  if (limit === undefined) return { ...bucket }
  const passed = now - bucket.at
  const tokens = bucket.tokens + back * CALL + Math.max(0, passed) * limit.perSecond
  const at = passed > 0 || passed < -MOST_SKEW_MS ? now : bucket.at
  return { tokens: Math.min(tokens, limit.burst * CALL), at }
}

/** The day of UTC, "2026-06-01". */
export function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10)
}
