/** The job that sends a process's metrics to the collector, from each node its own. */
import type { Clock } from '#platform/clock.ts'
import type { Job } from '#platform/feature.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { ToldBy } from './attributes.ts'
import { postToCollector } from './client.ts'
import { metricsInOtlp } from './metrics-in-otlp.ts'
import { readCollector, type TelemetrySettings } from './settings.ts'

/** What is not taken is not sent again: the next message has newer figures of the same counters. */
export async function sendMetricsJob(q: {
  settings: TelemetrySettings | undefined
  metrics: Pick<Metrics, 'registry'>
  clock: Clock
  toldBy: ToldBy
}): Promise<Job> {
  const { settings, metrics, clock, toldBy } = q
  const startedAt = clock() - process.uptime() * 1000
  const collector = settings && (await readCollector(settings, '/v1/metrics'))
  return {
    ...{ kind: 'send-metrics', onEachNode: true },
    ...(settings !== undefined &&
      settings.metricsSeconds > 0 && { everySeconds: settings.metricsSeconds, immediately: true }),
    run: async ({ signal }) => {
      if (collector === undefined) return
      await postToCollector(
        collector,
        await metricsInOtlp(metrics.registry, { startedAt, at: clock(), toldBy }),
        { signal, rejected: 'rejectedDataPoints' },
      )
    },
  }
}
