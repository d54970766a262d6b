/** A node fetches the configuration as soon as another node has taken an anchor. */
import { setTimeout as wait } from 'node:timers/promises'

/** Between tries: the registry may be asked by all nodes at this moment. Later its own job asks again. */
const PAUSES_MS = [0, 1000, 2000, 4000]
/**
 * For so long a call of the management API waits, which is to find what the call before it did at another
 * node.
 */
const LONGEST_MS = 5000

/** Resolves when the configuration is here, at the latest after five seconds; never throws. */
export async function fetchAfterAnchor(
  { refreshOwn }: { refreshOwn(): Promise<void> },
  { pausesMs = PAUSES_MS, longestMs = LONGEST_MS }: { pausesMs?: number[]; longestMs?: number } = {},
): Promise<void> {
  const fetched = async (): Promise<void> => {
    for (const pause of pausesMs) {
      await wait(pause, undefined, { ref: false })
      const isHere = await refreshOwn().then(
        () => true,
        () => false,
      )
      if (isHere) return
    }
  }
  const waiting = new AbortController()
  const limit = wait(longestMs, undefined, { signal: waiting.signal }).catch(() => undefined)
  await Promise.race([fetched(), limit])
  waiting.abort()
}
