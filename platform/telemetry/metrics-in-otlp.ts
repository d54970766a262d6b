/**
 * The metrics of a process as OTLP has them (opentelemetry-proto, metrics/v1). Sums and histograms count from
 * the start of the process, so that a lost message loses nothing, and histograms of several nodes are merged
 * by adding: all have the same bounds.
 */
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client'
import { attributesOf, nanoseconds, resourceOf, type ToldBy } from './attributes.ts'

const CUMULATIVE = 2
const SCOPE = { name: 'concordat' }

type Value = MetricValue<string> & { metricName?: string }
type Times = { startTimeUnixNano: string; timeUnixNano: string }

/** An ExportMetricsServiceRequest. `startedAt` and `at` are milliseconds since 1970. */
export async function metricsInOtlp(
  registry: Registry,
  q: { startedAt: number; at: number; toldBy: ToldBy },
): Promise<object> {
  const times = { startTimeUnixNano: nanoseconds(q.startedAt), timeUnixNano: nanoseconds(q.at) }
  const metrics = (await registry.getMetricsAsJSON()).flatMap((metric) => {
    const data = dataOf(metric as MetricObjectWithValues<Value>, times)
    return data === undefined ? [] : [{ name: metric.name, description: metric.help, ...data }]
  })
  return { resourceMetrics: [{ resource: resourceOf(q.toldBy), scopeMetrics: [{ scope: SCOPE, metrics }] }] }
}

function dataOf({ type, values }: MetricObjectWithValues<Value>, times: Times): object | undefined {
  switch (`${type}`) {
    case 'counter':
      return { sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, ...points(values, times) } }
    case 'gauge':
      return { gauge: points(values, times) }
    case 'histogram':
      return { histogram: { aggregationTemporality: CUMULATIVE, dataPoints: histogramPoints(values, times) } }
    default:
      return undefined
  }
}

/** What is no number is left out: JSON has none such. */
function points(values: Value[], times: Times): { dataPoints: object[] } {
  const numbers = values.filter(({ value }) => Number.isFinite(value))
  const dataPoints = numbers.map(({ labels, value }) => ({
    ...{ attributes: attributesOf(labels as Record<string, string>), ...times },
    asDouble: value,
  }))
  return { dataPoints }
}

type Series = { labels: Record<string, string>; upTo: [bound: number, count: number][]; sum: number }

function histogramPoints(values: Value[], times: Times): object[] {
  const series = new Map<string, Series>()
  for (const { labels, value, metricName = '' } of values) {
    const { le, ...others } = labels as Record<string, string | number>
    const key = JSON.stringify(others)
    const one = series.get(key) ?? { labels: others as Record<string, string>, upTo: [], sum: 0 }
    series.set(key, one)
    if (le !== undefined) one.upTo.push([le === '+Inf' ? Infinity : Number(le), value])
    else if (metricName.endsWith('_sum')) one.sum = value
  }
  return [...series.values()].map(({ labels, upTo, sum }) => {
    const inOrder = upTo.toSorted(([a], [b]) => a - b)
    // Prometheus counts what is not above a bound, OTLP what lies between two.
    const counts = inOrder.map(([, count], at) => count - (inOrder[at - 1]?.[1] ?? 0))
    return {
      ...{ attributes: attributesOf(labels), ...times },
      ...{ count: `${inOrder.at(-1)?.[1] ?? 0}`, sum, bucketCounts: counts.map(String) },
      explicitBounds: inOrder.map(([bound]) => bound).filter(Number.isFinite),
    }
  })
}
