/** Prometheus metrics of one process in a registry of its own; labels are codes and states, never identifiers of persons. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  registry: Registry
  counter<L extends string>(name: string, help: string, labels?: readonly L[]): Counter<L>
  gauge<L extends string>(name: string, help: string, labels?: readonly L[]): Gauge<L>
  /** Buckets in seconds, from 1 ms to 60 s when absent. */
  histogram<L extends string>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: number[],
  ): Histogram<L>
  /** GET /metrics */
  routes(app: FastifyInstance): void
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const LOOP_RESOLUTION_MS = 20

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
    routes: (app) => {
      app.get('/metrics', { config: { rateLimit: false }, logLevel: 'warn' }, async (_request, reply) =>
        reply.type(registry.contentType).send(await registry.metrics()),
      )
    },
  }
}

/** Memory, processor time and event-loop delay, read only when somebody asks. */
function watchProcess(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delay.enable()
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }
  gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss())
  gauge('process_heap_used_bytes', 'Used heap of the main thread', () => process.memoryUsage().heapUsed)
  gauge('process_cpu_seconds', 'User and system time used', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  gauge('process_uptime_seconds', 'Seconds since the start', () => process.uptime())
  gauge(
    'nodejs_eventloop_delay_p99_seconds',
    'Event-loop delay since the last reading, 99th percentile',
    () => {
      const seconds = delay.percentile(99) / 1e9
      delay.reset()
      return Math.max(0, seconds - LOOP_RESOLUTION_MS / 1000)
    },
  )
}
