/**
 * Copies the audit log off the machine: its head goes to the witnessed message log, and its records to a
 * collector if the settings name one.
 */
import {
  type AuditStreamSettings,
  openAuditStream,
  STREAM_AUDIT_LOG,
  STREAM_SECONDS,
  watchAuditStream,
} from '#platform/audit-log/stream-settings.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { MessageLog } from '../../message-log/message-log.ts'

type Ground = Pick<Services, 'database' | 'audit' | 'metrics'> & {
  settings: { server: string; auditStream?: AuditStreamSettings | undefined }
  messageLog: Pick<MessageLog, 'noteAuditHead'>
}

export const auditStream: FeatureModule<Ground> = {
  name: 'audit-stream',
  open: async ({ database, audit, metrics, settings, messageLog }) => {
    const stream = await openAuditStream({
      ...{ settings: settings.auditStream, database },
      toldBy: { name: 'concordat-security-server', instance: settings.server },
    })
    watchAuditStream(stream, metrics)
    const noteHead = async (): Promise<void> => {
      const [newest] = await audit.list({ limit: 1 })
      if (newest === undefined) return
      await messageLog.noteAuditHead({ records: newest.sequence, digest: newest.digest })
    }
    return {
      jobs: [
        // Every five minutes: then the next witnessed tree head also covers the state of the audit log.
        { kind: 'audit-head', everySeconds: 300, run: noteHead },
        {
          kind: STREAM_AUDIT_LOG,
          ...(stream !== undefined && { everySeconds: STREAM_SECONDS }),
          run: async ({ signal }) => stream?.send(signal),
        },
      ],
    }
  },
}
