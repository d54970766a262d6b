/** Sends the audit log's records to a collector on another machine when the settings name one. */
import {
  type AuditStreamSettings,
  openAuditStream,
  STREAM_AUDIT_LOG,
  STREAM_SECONDS,
  watchAuditStream,
} from '#platform/audit-log/stream-settings.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'

type Ground = Pick<Services, 'database' | 'metrics'> & {
  settings: { publicUrl: string; auditStream?: AuditStreamSettings | undefined }
}

export const auditStream: FeatureModule<Ground> = {
  name: 'audit-stream',
  open: async ({ database, metrics, settings }) => {
    const stream = await openAuditStream({
      ...{ settings: settings.auditStream, database },
      toldBy: { name: 'concordat-central-registry', instance: settings.publicUrl },
    })
    watchAuditStream(stream, metrics)
    return {
      jobs: [
        {
          kind: STREAM_AUDIT_LOG,
          ...(stream !== undefined && { everySeconds: STREAM_SECONDS }),
          run: async ({ signal }) => stream?.send(signal),
        },
      ],
    }
  },
}
