/**
 * Prometheus metrics of one process in its own registry. Labels are codes and states, never identifiers of
 * persons.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  registry: Registry
  counter<L extends string>(name: string, help: string, labels?: readonly L[]): Counter<L>
  gauge<L extends string>(name: string, help: string, labels?: readonly L[]): Gauge<L>
  /** Buckets in seconds; by default from 1 ms to 60 s. */
  histogram<L extends string>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: number[],
  ): Histogram<L>
  /**
   * A gauge that is read on each request of the metrics, with one value per state of `label`; it has no
   * values while `read` throws.
   */
  watch<L extends string>(name: string, help: string, label: L, read: Read): void
  watch(name: string, help: string, read: () => number): void
  /** GET /metrics; `all` has those of several processes on one port. */
  routes(app: FastifyInstance, all?: () => Promise<string>): void
}

type Read = () => Promise<Iterable<readonly [state: string, value: number]>>

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Each look wakes the process: fifty a second take 1.3 ms of processor a second, ten take 0.4. */
const LOOP_RESOLUTION_MS = 100

export function createMetrics(): Metrics {
  const registry = new Registry()
  watchProcess(registry)
  const registers = [registry]
  return {
    registry,
    counter: (name, help, labels) => new Counter({ name, help, labelNames: labels ?? [], registers }),
    gauge: (name, help, labels) => new Gauge({ name, help, labelNames: labels ?? [], registers }),
    histogram: (name, help, labels, buckets) =>
      new Histogram({ name, help, labelNames: labels ?? [], buckets: buckets ?? SECONDS, registers }),
    watch: (name: string, help: string, ...how: [() => number] | [label: string, Read]) => {
      if (how.length === 1) watchOne(registry, name, help, how[0])
      else watchEach(registry, name, help, ...how)
    },
    routes: (app, all = () => registry.metrics()) => {
      app.get('/metrics', { config: { rateLimit: false }, logLevel: 'warn' }, async (_request, reply) =>
        reply.type(registry.contentType).send(await all()),
      )
    },
  }
}

function watchOne(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      try {
        this.set(read())
      } catch {
        this.remove()
      }
    },
  })
}

function watchEach(registry: Registry, name: string, help: string, label: string, read: Read): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    async collect() {
      this.reset()
      // If the database is down, the other metrics are needed most.
      try {
        for (const [state, value] of await read()) this.set({ [label]: state }, value)
      } catch {}
    },
  })
}

/** Memory, processor time and event-loop delay, read on each request of the metrics. */
function watchProcess(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delay.enable()
  const ofThisMinute = (): number => Math.max(0, (delay.percentile(99) - LOOP_RESOLUTION_MS * 1e6) / 1e9)
  let lastMinute = 0
  // Not by each reading: there are several readers.
  setInterval(() => {
    lastMinute = ofThisMinute()
    delay.reset()
  }, 60_000).unref()
  const gauge = (name: string, help: string, read: () => number): void => watchOne(registry, name, help, read)
  gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss())
  gauge('process_heap_used_bytes', 'Used heap of the main thread', () => process.memoryUsage().heapUsed)
  gauge('process_cpu_seconds', 'User and system time used', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  gauge('process_uptime_seconds', 'Seconds since the start', () => process.uptime())
  gauge(
    'nodejs_eventloop_delay_p99_seconds',
    'Event-loop delay of the last one to two minutes, 99th percentile',
    () => Math.max(lastMinute, ofThisMinute()),
  )
}
