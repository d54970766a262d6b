/**
 * From an inbox of our own to the broker. Guarantees that an event is acknowledged to the own security
 * server, which signs that it was consumed, only when the broker has confirmed that it keeps it; and that
 * events of one lane are published in order. A crash in between has the server give the event out again, and
 * the broker, if it can, knows it by a name that no other event has.
 */
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { writeBinary } from '#core/events/write-event.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { Broker } from './broker.ts'
import type { Deliveries, Given } from './deliveries.ts'
import type { Forwarder } from './forwarder.ts'
import { createGate } from './gate.ts'
import { createLanes } from './lanes.ts'
import type { ForwardingMetrics } from './metrics.ts'
import { isOver, reasonOf } from './refusals.ts'
import type { LimitSettings, ReceiveSettings } from './settings.ts'

type ToBroker = {
  way: ReceiveSettings
  limits: LimitSettings
  broker: Broker
  deliveries: Deliveries
  metrics: ForwardingMetrics
  log: Log
}

/** An event of the round, and what is known of it beside its bytes. */
type Held = { given: Given; event: CloudEvent | Fault }

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000
const MOST_AT_ONCE = 100
/**
 * What the broker refuses is tried again later, until the inbox makes a dead letter of it, which an operator
 * decides about.
 */
const REFUSED_DELAY_SECONDS = 60
const STRUCTURED_TYPE: HeaderList = [['content-type', STRUCTURED]]

export function forwardToBroker(q: ToBroker): Forwarder {
  const { way, broker, deliveries, metrics } = q
  const { inbox } = way
  const log = q.log.child({ way: way.name })
  const ended = new AbortController()
  const { signal } = ended
  const mostAtOnce = Math.min(MOST_AT_ONCE, q.limits.messages)
  let failures = 0
  let reason: string | undefined
  /**
   * What is published is acknowledged however long that takes: published once more it would be there twice.
   */
  const acknowledging = createGate({
    ...{ isFinal: isOver, describe: reasonOf, signal },
    onChange: (why) =>
      why === undefined ? log.info('acknowledged again') : log.warn({ reason: why }, 'not acknowledged'),
  })

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await round().then(succeeded, failed)
      await wait(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  function succeeded(count: number): number {
    if (failures > 0) log.info('events are published again')
    failures = 0
    reason = undefined
    return count === 0 ? way.pollMs : 0
  }

  function failed(thrown: unknown): number {
    const why = reasonOf(thrown)
    if (reason !== why && !signal.aborted) log.warn({ err: thrown }, 'no events are published')
    reason = why
    return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures++, 10), LONGEST_PAUSE_MS)
  }

  /**
   * Fetches some and publishes them; how many there were. Throws when the server or the broker is away, and
   * has given back the rest.
   */
  async function round(): Promise<number> {
    const { ok, reason: why } = broker.finding()
    if (!ok) throw new Fault('source_unavailable', { what: why })
    // While the way is closed one event tries whether it is open.
    const limit = failures > 0 ? 1 : mostAtOnce
    const given = await deliveries.fetch(inbox, {
      ...{ limit, leaseSeconds: way.leaseSeconds },
      onTrouble: (thrown) => log.warn({ err: thrown }, 'given back'),
    })
    metrics.taken.inc({ way: way.name }, given.length)
    const held = given.map((one): Held => ({ given: one, event: tryToRead(one.event) }))
    const lanes = createLanes(q.limits.atOnce)
    const returned = new Set<string>()
    let failure: { thrown: unknown } | undefined
    const one = async ({ given, event }: Held): Promise<void> => {
      if (returned.has(given.id)) return
      if (failure !== undefined || signal.aborted) return giveBack(given, returned, true)
      try {
        if (event instanceof Fault) throw new Fault('source_refused', { what: event.message, cause: event })
        await carry(given, event)
      } catch (thrown) {
        const isRefused = asFault(thrown).code === 'source_refused'
        if (isRefused) log.warn({ err: thrown, delivery: given.delivery }, 'refused by the broker')
        else failure = { thrown }
        await giveBack(given, returned, !isRefused)
      }
    }
    await Promise.all(held.map((each) => lanes.run(laneOf(each), () => one(each))))
    if (failure !== undefined) throw failure.thrown
    return given.length
  }

  async function carry(given: Given, event: CloudEvent): Promise<void> {
    const began = performance.now()
    const { headers, body } =
      way.mode === 'binary' ? writeBinary(event) : { headers: STRUCTURED_TYPE, body: given.event }
    if (given.leaseLeftMs < (way.leaseSeconds * 1000) / 2) await given.renew(way.leaseSeconds)
    await broker.publish({
      ...{ to: way.to, headers, body, id: nameOf(inbox, given), key: keyOf(event) },
      properties: [
        ['X-Road-Client', given.sender],
        ['X-Road-Id', given.delivery],
      ],
    })
    const acknowledged = acknowledging
      .through(() => given.acknowledge())
      .catch((thrown: unknown) => {
        if (!signal.aborted || isOver(thrown)) throw thrown
        // Once more also while the adapter stops: given back it would be published again.
        return given.acknowledge()
      })
    await acknowledged.catch((thrown: unknown) => {
      if (!isOver(thrown)) throw thrown
      // The broker has an event that its sender knows as given up.
      log.warn({ err: thrown, delivery: given.delivery }, 'published, and not to be acknowledged any more')
    })
    const ms = performance.now() - began
    metrics.done.inc({ way: way.name })
    metrics.seconds.observe({ way: way.name }, ms / 1000)
    log.info({ delivery: given.delivery, ms: Math.round(ms) }, 'consumed')
  }

  /** With what follows it in its lane. If this fails its lease runs out. */
  async function giveBack(given: Given, returned: Set<string>, untouched: boolean): Promise<void> {
    const delaySeconds = untouched ? 0 : REFUSED_DELAY_SECONDS
    const ids = await given.giveBack({ delaySeconds, untouched }).catch(() => [])
    metrics.returned.inc({ way: way.name }, ids.length)
    for (const id of ids) returned.add(id)
  }

  const running = run()
  return {
    finding: () => (reason === undefined ? acknowledging.finding() : { ok: false, reason }),
    async stop() {
      ended.abort()
      await running
    },
  }
}

function tryToRead(bytes: Buffer): CloudEvent | Fault {
  try {
    return readEvent(STRUCTURED_TYPE, bytes)
  } catch (thrown) {
    return asFault(thrown)
  }
}

/**
 * The id of a delivery is the sender's X-Road-Id, which several events may have: a broker would take the
 * second for the first.
 */
function nameOf(inbox: string, { id, sender, event }: Given): string {
  return createHash('sha256')
    .update(JSON.stringify([inbox, id, sender]))
    .update(event)
    .digest('hex')
}

/** Events without a partition key are in no order. */
function laneOf({ given, event }: Held): string | undefined {
  const key = event instanceof Fault ? undefined : keyOf(event)
  return key === undefined ? undefined : JSON.stringify([given.sender, key])
}

function keyOf(event: CloudEvent): string | undefined {
  const key = event.extensions.get('partitionkey')
  return key === undefined ? undefined : String(key)
}
