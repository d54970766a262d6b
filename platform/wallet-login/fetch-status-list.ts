/**
 * Fetches status lists through a cache: an issuer sees that somebody wants a list, not which entry or how often. What cannot be had is
 * undefined, and the verdict refuses then.
 */
import { Agent, request } from 'undici'
import type { Clock } from '#platform/clock.ts'

const MAX_LIST = 4_194_304
const WAIT_MS = 5_000
const MOST_LISTS = 200
/** For lists that name no time to live, and at most for those that name one. */
const KEEP_MS = 5 * 60_000

type Kept = { token: string; until: number }

export type FetchStatusList = (uri: string) => Promise<string | undefined>

/** `mayAsk` names the hosts of trusted issuers: an address in a credential must not send this server anywhere else. */
export function createStatusLists(q: {
  clock: Clock
  mayAsk(uri: URL): boolean
  /** Certificates beside the system's, PEM. */
  ca?: string
}): { fetch: FetchStatusList; close(): Promise<void> } {
  const kept = new Map<string, Kept>()
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
  return {
    async fetch(uri) {
      const known = kept.get(uri)
      if (known !== undefined && q.clock() < known.until) return known.token
      kept.delete(uri)
      if (!URL.canParse(uri) || !q.mayAsk(new URL(uri))) return undefined
      const token = await ask(uri).catch(() => undefined)
      if (token === undefined) return undefined
      if (kept.size >= MOST_LISTS) kept.delete(kept.keys().next().value as string)
      kept.set(uri, { token, until: q.clock() + KEEP_MS })
      return token
    },
    close: () => dispatcher.close(),
  }
}
