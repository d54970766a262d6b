/** Tells a collector of OpenTelemetry this process's metrics when the settings name one. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { sendMetricsJob } from '#platform/telemetry/send-metrics.ts'
import type { TelemetrySettings } from '#platform/telemetry/settings.ts'

type Ground = Pick<Services, 'clock' | 'metrics'> & {
  settings: { publicUrl: string; telemetry?: TelemetrySettings | undefined }
}

export const telemetry: FeatureModule<Ground> = {
  name: 'telemetry',
  open: async ({ clock, metrics, settings }) => {
    const toldBy = { name: 'concordat-central-registry', instance: settings.publicUrl }
    return { jobs: [await sendMetricsJob({ settings: settings.telemetry, metrics, clock, toldBy })] }
  },
}
