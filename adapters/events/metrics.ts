/**
 * What operators count: per way, how many messages were taken, went through and were set aside, and how long
 * one takes.
 */
import type { Metrics } from '#platform/metrics/create-metrics.ts'

export type ForwardingMetrics = ReturnType<typeof createForwardingMetrics>

export function createForwardingMetrics(metrics: Metrics) {
  return {
    taken: metrics.counter('concordat_events_taken_total', 'Messages given out to the adapter', ['way']),
    done: metrics.counter('concordat_events_done_total', 'Messages accepted, or published and acknowledged', [
      'way',
    ]),
    setAside: metrics.counter('concordat_events_set_aside_total', 'Messages that were no events', [
      'way',
      'code',
    ]),
    returned: metrics.counter('concordat_events_returned_total', 'Events given back to the inbox', ['way']),
    resets: metrics.counter(
      'concordat_events_broker_resets_total',
      'Times the broker came back with another state',
      ['way'],
    ),
    seconds: metrics.histogram('concordat_event_seconds', 'Time of a message from end to end', ['way']),
  }
}
