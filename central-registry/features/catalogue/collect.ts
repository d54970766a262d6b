/** Asks the subsystems that are due what they offer, several at the same time, and stores the answers. */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { Collector, CollectorSettings } from './client.ts'
import { readMethods, textOf } from './read-answers.ts'
import { readDescription } from './read-description.ts'
import type { CatalogueStore, FoundService } from './store.ts'

const AT_ONCE = 8
/** Subsystems per run: enough to ask a country's 50,000 within a day. */
const MOST_IN_A_RUN = 200
const AFTER_FAILURE_MS = 5 * 60_000

export type CatalogueSettings = CollectorSettings & { everyMinutes: number }

export function createCollecting(q: {
  store: Pick<CatalogueStore, 'due' | 'keepAnswer' | 'keepFailure' | 'withdrawGone'>
  collector: Pick<Collector, 'listMethods' | 'getOpenApi'>
  everyMinutes: number
  clock: Clock
  log: Log
}): (signal?: AbortSignal) => Promise<void> {
  const { store, collector, clock } = q
  const everyMs = q.everyMinutes * 60_000

  async function servicesOf(subsystem: string): Promise<FoundService[]> {
    const services: FoundService[] = []
    for (const one of readMethods(await collector.listMethods(subsystem))) {
      const document =
        one.type === 'OPENAPI' ? await collector.getOpenApi(subsystem, one.serviceCode) : undefined
      services.push({ ...one, document, description: await readDescription(document) })
    }
    return services
  }

  async function ask(subsystem: string): Promise<void> {
    const times = (ms: number) => {
      const now = clock()
      return { at: new Date(now).toISOString(), nextAt: new Date(now + ms).toISOString() }
    }
    try {
      const services = await servicesOf(subsystem)
      await store.keepAnswer(subsystem, services, times(everyMs))
    } catch (thrown) {
      const fault = asFault(thrown)
      q.log.info({ subsystem, code: fault.code, detail: fault.detail }, 'a provider could not be asked')
      const failure = textOf(fault.message, 500)
      await store.keepFailure(subsystem, failure, times(Math.min(everyMs, AFTER_FAILURE_MS)))
    }
  }

  return async (signal) => {
    const now = new Date(clock()).toISOString()
    await store.withdrawGone(now)
    const waiting = await store.due(now, MOST_IN_A_RUN)
    const next = async (): Promise<void> => {
      for (let one = waiting.shift(); one !== undefined && signal?.aborted !== true; one = waiting.shift())
        await ask(one)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
  }
}
