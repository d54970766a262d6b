/** Counts offers by what happened to them and by the channel, never by person. */
import type { Metrics } from '#platform/metrics/create-metrics.ts'

export type OfferMetrics = {
  offers: ReturnType<Metrics['counter']>
  events: ReturnType<Metrics['counter']>
  calls: ReturnType<Metrics['counter']>
}

export function createOfferMetrics(metrics: Metrics): OfferMetrics {
  return {
    offers: metrics.counter('concordat_life_offers_total', 'What happened with offers, by channel', [
      'what',
      'channel',
    ]),
    events: metrics.counter('concordat_life_events_total', 'Events by what they meant', ['what']),
    calls: metrics.counter('concordat_life_calls_total', 'Calls that fill forms, by outcome', ['outcome']),
  }
}
