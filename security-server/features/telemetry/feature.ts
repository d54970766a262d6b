/**
 * Tells a collector of OpenTelemetry how this server is (metrics) and how exchanges went on their way
 * (traces), when the settings name one.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { sendMetricsJob } from '#platform/telemetry/send-metrics.ts'
import { readCollector, type TelemetrySettings } from '#platform/telemetry/settings.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { Course, Tracing } from '../../peer/course.ts'
import { createBeginTrace } from '../../peer/trace.ts'
import { createSpanSender, type SpanSender } from './send-traces.ts'
import { spansOfCourse } from './spans-of-course.ts'

type Ground = Pick<Services, 'clock' | 'metrics'> & {
  settings: { server: string; telemetry?: TelemetrySettings | undefined }
  node: string
  contracts: Pick<Contracts, 'secrecyBetween'>
}

type Offers = {
  tracing: Tracing
  /** Undefined without a collector; counts are those of this process. */
  telemetryState(): Promise<TelemetryState | undefined>
}

type TelemetryState = {
  url: string
  metricsSeconds: number
  traceShare: number
  spansWaiting: number
  spansLost: number
}

const HOUR_S = 3600
const CLOSE_MS = 2_000

export const telemetry: FeatureModule<Ground, Offers> = {
  name: 'telemetry',
  open: async ({ clock, metrics, settings, node, contracts }) => {
    const toldBy = { name: 'concordat-security-server', instance: `${settings.server} ${node}` }
    const told = settings.telemetry
    const lost = metrics.counter(
      'concordat_trace_spans_lost_total',
      'Spans of exchanges that were given up: the collector did not take them, or they could not be made',
    )
    const sender =
      told &&
      createSpanSender({
        ...{ clock, toldBy, collector: await readCollector(told, '/v1/traces') },
        onLost: (spans) => lost.inc(spans),
      })
    const isSecret = secrecyOfCourse(contracts)
    return {
      jobs: [
        await sendMetricsJob({ settings: told, metrics, clock, toldBy }),
        {
          ...{ kind: 'send-traces', everySeconds: HOUR_S, onEachNode: true },
          isDue: () => sender?.isDue() ?? false,
          run: async ({ signal }) => sender?.send(signal),
        },
      ],
      async close() {
        await sender?.send(AbortSignal.timeout(CLOSE_MS)).catch(() => lost.inc(sender.waiting()))
      },
      offers: {
        tracing: {
          begin: createBeginTrace({ share: told?.traceShare ?? 0, elapsed: () => performance.now() }),
          ended: (course) => {
            if (course.trace?.spans !== undefined) keep(course, { sender, isSecret, lost })
          },
        },
        telemetryState: async () =>
          told && {
            // Of some collectors the path is a secret.
            ...{
              url: new URL(told.url).origin,
              metricsSeconds: told.metricsSeconds,
              traceShare: told.traceShare ?? 0,
            },
            spansWaiting: sender?.waiting() ?? 0,
            spansLost: (await lost.get()).values[0]?.value ?? 0,
          },
      },
    }
  },
}

/** What fails here costs its own spans, and no exchange. */
function keep(
  course: Course,
  q: { sender: SpanSender | undefined; isSecret(course: Course): boolean; lost: { inc(): void } },
): void {
  try {
    if (course.isOnlyCounted !== true && !q.isSecret(course)) q.sender?.add(spansOfCourse(course))
  } catch {
    q.lost.inc()
  }
}

/**
 * That two members exchange under a secret contract is no collector's business, and who cannot tell says
 * nothing.
 */
function secrecyOfCourse({ secrecyBetween }: Ground['contracts']): (course: Course) => boolean {
  return ({ secrecy, request }) => {
    if (secrecy !== undefined) return secrecy > 0
    if (request === undefined) return true
    return secrecyBetween(idText(memberOf(request.client)), idText(memberOf(request.service))) > 0
  }
}
