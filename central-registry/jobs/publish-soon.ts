/** Guarantees that a change is published within a second, that many changes at once make one publication, and that runs never overlap. */
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { Publish } from '../configuration/publish.ts'

const QUIET_MS = 100
const LONGEST_WAIT_MS = 1000

/** `changed` asks for a publication soon; `now` runs one and waits (for the job); `stop` waits for what runs. */
export function publishSoon(
  publish: Publish,
  log: Log,
): { changed(): void; now(): Promise<void>; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined
  let firstAsked = 0
  let running: Promise<unknown> = Promise.resolve()
  let stopped = false

  function now(): Promise<void> {
    const next = running.then(async () => {
      try {
        await publish()
      } catch (cause) {
        const fault = asFault(cause)
        // Before the system is initialised and has a key there is nothing to publish.
        if (fault.code === 'conflict' || fault.code === 'cannot_sign') return
        log.error({ err: cause, detail: fault.detail }, 'publishing the configuration failed')
        throw fault
      }
    })
    running = next.catch(() => undefined)
    return next
  }

  return {
    changed() {
      if (stopped) return
      const at = performance.now()
      if (timer === undefined) firstAsked = at
      if (timer !== undefined && at - firstAsked > LONGEST_WAIT_MS - QUIET_MS) return
      clearTimeout(timer)
      timer = setTimeout(() => {
        timer = undefined
        now().catch(() => undefined)
      }, QUIET_MS)
    },
    now,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
