/** Limits the failed logins of each address; the memory for this is bounded too. Each node counts separately. */
import type { Clock } from '#platform/clock.ts'
import { networkOf } from '#platform/http-service/rate-limit.ts'

export type FailedLogins = {
  /** Whole seconds until this address may try again; 0 when it may. */
  waitSeconds(address: string): number
  count(address: string): void
}

const MOST = 10
const WINDOW_MS = 15 * 60_000
const MAX_ADDRESSES = 10_000

export function createFailedLogins(clock: Clock): FailedLogins {
  const windows = new Map<string, { endsAt: number; failed: number }>()
  const windowOf = (address: string) => {
    const known = windows.get(networkOf(address))
    return known !== undefined && known.endsAt > clock() ? known : { endsAt: clock() + WINDOW_MS, failed: 0 }
  }
  return {
    waitSeconds: (address) => {
      const { endsAt, failed } = windowOf(address)
      return failed < MOST ? 0 : Math.ceil((endsAt - clock()) / 1000)
    },
    count: (address) => {
      const window = windowOf(address)
      window.failed++
      // The most recent address is last, so the first one can be dropped.
      windows.delete(networkOf(address))
      windows.set(networkOf(address), window)
      if (windows.size > MAX_ADDRESSES) windows.delete(windows.keys().next().value as string)
    },
  }
}
