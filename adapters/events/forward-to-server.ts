/**
 * From the broker to an inbox of others, or to a room. Guarantees that a message is confirmed to the broker
 * only when the own security server has it for good, or when it is set aside with its reason; and that
 * messages with the same partition key are handed over one after the other, as the broker gave them out. A
 * crash at any step has the broker give the message out again, and the security server knows it by its id.
 */
import { targetOf } from '#adapters/kit/messages/hand-to.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { Broker, Taken, Taking } from './broker.ts'
import type { Deliveries } from './deliveries.ts'
import type { Forwarder } from './forwarder.ts'
import { createGate, type Gate } from './gate.ts'
import { createLanes } from './lanes.ts'
import { type MadeEvent, makeEvent } from './make-event.ts'
import type { ForwardingMetrics } from './metrics.ts'
import { openQuarantine } from './quarantine.ts'
import { isRefused, reasonOf } from './refusals.ts'
import type { LimitSettings, SendSettings } from './settings.ts'

type ToServer = {
  way: SendSettings
  limits: LimitSettings
  broker: Broker
  deliveries: Deliveries
  metrics: ForwardingMetrics
  log: Log
}

export async function forwardToServer(q: ToServer): Promise<Forwarder> {
  const { way, limits, deliveries, metrics } = q
  const log = q.log.child({ way: way.name })
  const ended = new AbortController()
  const lanes = createLanes(limits.atOnce)
  const target = targetOf(way)
  const quarantine = openQuarantine(way, q.broker)
  let isStopping = false
  const gate = (isFinal: (thrown: unknown) => boolean, closed: string, open: string): Gate =>
    createGate({
      ...{ describe: reasonOf, signal: ended.signal, isFinal },
      onChange: (reason) => {
        if (reason === undefined) log.info(open)
        else log.warn({ reason }, closed)
        if (isStopping) ended.abort()
      },
    })
  const server = gate(isRefused, 'the own security server takes no events', 'it takes events again')
  const aside = gate(() => false, 'nothing can be set aside', 'messages are set aside again')
  const underWay = new Set<Promise<void>>()

  function deliver(message: Taken): void {
    metrics.taken.inc({ way: way.name })
    const made = tryToMake(message, { ...way, eventBytes: limits.eventBytes })
    const key = made instanceof Fault ? undefined : made.key
    const job = lanes
      .run(key, () => carry(message, made))
      .catch((thrown: unknown) => {
        if (!ended.signal.aborted)
          log.warn({ err: thrown, position: message.position }, 'not confirmed: it comes again')
      })
      .finally(() => underWay.delete(job))
    underWay.add(job)
  }

  async function carry(message: Taken, made: MadeEvent | Fault): Promise<void> {
    const began = performance.now()
    const outcome = made instanceof Fault ? made : await handOver(made)
    const { position } = message
    if (outcome instanceof Fault) {
      await aside.through(() => quarantine.setAside(message, outcome))
      const why = { code: outcome.code, what: outcome.what, detail: outcome.detail }
      log.warn({ position, ...why }, 'set aside')
    }
    await message.confirm()
    metrics.seconds.observe({ way: way.name }, (performance.now() - began) / 1000)
    if (outcome instanceof Fault) return void metrics.setAside.inc({ way: way.name, code: outcome.code })
    metrics.done.inc({ way: way.name })
    const named = way.room === undefined ? { delivery: outcome } : { sequence: outcome }
    log.info({ position, ...named, ms: Math.round(performance.now() - began) }, 'accepted')
  }

  /** What names it at the server, or why no security server would take this event. */
  async function handOver(made: MadeEvent): Promise<string | Fault> {
    try {
      return await server.through(() => deliveries.handOver(target, made.body))
    } catch (thrown) {
      ended.signal.throwIfAborted()
      return asFault(thrown)
    }
  }

  const taking: Taking = await q.broker.take(way, deliver)
  return {
    finding: () => firstBad(taking.finding(), server.finding(), aside.finding()),
    async stop() {
      isStopping = true
      await taking.stop()
      // What waits for a closed way does not end: it goes back to the broker.
      if (!server.finding().ok || !aside.finding().ok) ended.abort()
      await Promise.all(underWay)
      await taking.release()
    },
  }
}

function tryToMake(message: Taken, q: Parameters<typeof makeEvent>[1]): MadeEvent | Fault {
  try {
    return makeEvent(message, q)
  } catch (thrown) {
    return asFault(thrown)
  }
}

function firstBad(...findings: Finding[]): Finding {
  return findings.find(({ ok }) => !ok) ?? { ok: true, reason: findings.find(({ reason }) => reason)?.reason }
}
