/**
 * Fetches status lists through a cache: an issuer sees that somebody wants a list, not which entry or how
 * often. What cannot be had is undefined, and the verdict refuses then.
 */
import { Agent, request } from 'undici'
import { Refused } from '#core/presentation/refused.ts'
import { listTimes } from '#core/presentation/status-list.ts'
import type { Clock } from '#platform/clock.ts'

const MAX_LIST = 4_194_304
const WAIT_MS = 5_000
const MOST_LISTS = 200
/** For lists that name neither a time to live nor an end, and at most for those that do. */
const KEEP_MS = 5 * 60_000
/**
 * However short the time to live: a relying party sets a lower bound, so that no issuer makes it ask at every
 * presentation (draft-ietf-oauth-status-list-20 section 11.5). A revocation is seen later by no more than
 * this.
 */
const LEAST_MS = 10_000
/** A list that has ended says nothing any more (section 13.7), so its next is asked for sooner. */
const LEAST_OF_ENDING_MS = 1_000

/** Without a token: what could not be had. */
type Kept = { token: string | undefined; at: number; until: number }

export type FetchStatusList = (uri: string) => Promise<string | undefined>

/**
 * `mayAsk` names the hosts of trusted issuers: an address in a credential must not send this server anywhere
 * else. It is asked at each use, so that a list is given out for no longer than its host is one of them.
 */
export function createStatusLists(q: {
  clock: Clock
  mayAsk(uri: URL): boolean
  /** Certificates beside the system's, PEM. */
  ca?: string
}): { fetch: FetchStatusList; close(): Promise<void> } {
  const kept = new Map<string, Kept>()
  /** One for all who want the same list meanwhile. */
  const underWay = new Map<string, Promise<string | undefined>>()
  const dispatcher = new Agent({
    headersTimeout: WAIT_MS,
    bodyTimeout: WAIT_MS,
    connect: { timeout: WAIT_MS, ...(q.ca === undefined ? {} : { ca: q.ca }) },
    maxResponseSize: MAX_LIST,
  })
  const ask = async (uri: string): Promise<string | undefined> => {
    const { statusCode, body } = await request(uri, {
      dispatcher,
      headers: { accept: 'application/statuslist+jwt' },
      signal: AbortSignal.timeout(2 * WAIT_MS),
    })
    const token = await body.text()
    return statusCode === 200 ? token.trim() : undefined
  }
  const askAndKeep = async (uri: string): Promise<string | undefined> => {
    const token = await ask(uri).catch(() => undefined)
    if (kept.size >= MOST_LISTS) kept.delete(kept.keys().next().value as string)
    const at = q.clock()
    kept.set(uri, { token, at, until: keptUntil(token, at) })
    return token
  }
  return {
    async fetch(uri) {
      if (!URL.canParse(uri) || !q.mayAsk(new URL(uri))) {
        kept.delete(uri)
        return undefined
      }
      const known = kept.get(uri)
      const now = q.clock()
      // A clock that was set back would keep it for as long as the leap was.
      if (known !== undefined && known.at <= now && now < known.until) return known.token
      kept.delete(uri)
      const begun = underWay.get(uri) ?? askAndKeep(uri).finally(() => underWay.delete(uri))
      underWay.set(uri, begun)
      const token = await begun
      return q.mayAsk(new URL(uri)) ? token : undefined
    },
    close: () => dispatcher.close(),
  }
}

/**
 * As long as the list allows, within bounds. One that cannot be had or read is kept for the least time: the
 * next may be better.
 */
function keptUntil(token: string | undefined, now: number): number {
  if (token === undefined) return now + LEAST_MS
  try {
    const { ttlSeconds = Number.POSITIVE_INFINITY, expiresAt } = listTimes(token)
    const until = Math.max(now + LEAST_MS, Math.min(now + KEEP_MS, now + ttlSeconds * 1000))
    const end = expiresAt?.getTime() ?? Number.POSITIVE_INFINITY
    return Math.min(until, Math.max(now + LEAST_OF_ENDING_MS, end))
  } catch (thrown) {
    if (thrown instanceof Refused) return now + LEAST_MS
    throw thrown
  }
}
