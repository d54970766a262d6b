/** Asks the subsystems that are due what they offer, several at the same time, and stores the answers. */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { Collector, CollectorSettings } from './client.ts'
import { NONE, type OfferedService, readMethods, textOf, UNREADABLE } from './read-answers.ts'
import { readDescription, readWsdlOperations } from './read-description.ts'
import { keyOf } from './soap-answers.ts'
import type { CatalogueStore, FoundService } from './store.ts'

const AT_ONCE = 8
/** Subsystems per run: enough to ask a country's 50,000 within a day. */
const MOST_IN_A_RUN = 200
const AFTER_FAILURE_MS = 5 * 60_000
/**
 * WSDL documents of one subsystem that could not be fetched: after these, no more are asked for until the
 * next time.
 */
const MOST_FAILED = 3
/** Documents of one subsystem: all of them are in memory until they are stored, and strangers write them. */
const MOST_BYTES = 32 * 1024 * 1024

export type CatalogueSettings = CollectorSettings & { everyMinutes: number }

export function createCollecting(q: {
  store: Pick<CatalogueStore, 'due' | 'keepAnswer' | 'keepFailure' | 'withdrawGone'>
  collector: Omit<Collector, 'close'>
  everyMinutes: number
  clock: Clock
  log: Log
}): (signal?: AbortSignal) => Promise<void> {
  const { store, collector, clock } = q
  const everyMs = q.everyMinutes * 60_000

  async function servicesOf(subsystem: string): Promise<FoundService[]> {
    const room = { left: MOST_BYTES }
    const services: FoundService[] = []
    for (const one of readMethods(await collector.listMethods(subsystem))) {
      const isUnread = one.type === 'OPENAPI' && room.left <= 0
      const document =
        one.type === 'OPENAPI' && !isUnread
          ? await collector.getOpenApi(subsystem, one.serviceCode)
          : undefined
      room.left -= document?.length ?? 0
      const description = isUnread ? UNREADABLE : await readDescription(document)
      services.push({ ...one, document, description, isUnread })
    }
    return [...services, ...(await soapServicesOf(subsystem, room))]
  }

  /** A document describes many services: each is asked for once. */
  async function soapServicesOf(subsystem: string, room: { left: number }): Promise<FoundService[]> {
    const services: FoundService[] = []
    const left = new Map((await collector.listSoapMethods(subsystem)).map((one) => [keyOf(one), one]))
    let failed = 0
    for (const [key, asked] of left) {
      const isPossible = failed < MOST_FAILED && room.left > 0
      const document = isPossible ? await wsdlOf(subsystem, asked) : undefined
      if (document === undefined) failed++
      room.left -= document?.length ?? 0
      const described = document === undefined ? undefined : await readWsdlOperations(document)
      const its = [...left].filter(([other]) => other === key || described?.has(other) === true)
      for (const [other, one] of its) {
        left.delete(other)
        const description = described?.get(other) ?? NONE
        services.push({ ...one, document, description, isUnread: document === undefined })
      }
    }
    return services
  }

  /**
   * X-Road's servers fetch it from the provider's system at each question: one that is away must not hide the
   * others.
   */
  async function wsdlOf(subsystem: string, service: OfferedService): Promise<Buffer | undefined> {
    try {
      return await collector.getWsdl(subsystem, service)
    } catch (thrown) {
      const { code, detail } = asFault(thrown)
      q.log.info({ subsystem, service: keyOf(service), code, detail }, 'a provider gave no WSDL')
      return undefined
    }
  }

  async function ask(subsystem: string): Promise<void> {
    const begunAt = new Date(clock()).toISOString()
    const times = (ms: number) => {
      const now = clock()
      return { begunAt, at: new Date(now).toISOString(), nextAt: new Date(now + ms).toISOString() }
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
    const waiting = await store.due({ now, longestMs: everyMs, limit: MOST_IN_A_RUN })
    const next = async (): Promise<void> => {
      for (let one = waiting.shift(); one !== undefined && signal?.aborted !== true; one = waiting.shift())
        await ask(one)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
  }
}
