/**
 * The settings for streaming the audit log, the same for both kinds of server, and the stream that they
 * configure.
 */
import type { Database } from '#platform/database/open-database.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { ToldBy } from '#platform/telemetry/attributes.ts'
import { readAuthorization } from '#platform/telemetry/settings.ts'
import { type AuditStream, createAuditStream } from './stream-audit-log.ts'

export type AuditStreamSettings = {
  /** The collector's address for logs, for example https://collector.example/v1/logs. */
  url: string
  authorizationFile?: string | undefined
}

export const auditStreamSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  description: 'Where each record of the audit log is sent as well (docs/audit-log.md)',
  properties: {
    url: {
      type: 'string',
      pattern: '^https?://[^/?#@\\s]+(/[^\\s]*)?$',
      maxLength: 500,
      description: 'An OTLP/HTTP collector of logs: https://collector.example/v1/logs',
    },
    authorizationFile: {
      type: 'string',
      'x-path': true,
      description: 'A file with the value of the Authorization header, mode 0600',
    },
  },
}

/** The kind of the sending job, and the seconds from each end to its next run. */
export const STREAM_AUDIT_LOG = 'stream-audit-log'
export const STREAM_SECONDS = 5

/** Undefined if the settings name no collector. */
export async function openAuditStream(q: {
  settings: AuditStreamSettings | undefined
  database: Database
  toldBy: ToldBy
}): Promise<AuditStream | undefined> {
  if (q.settings === undefined) return undefined
  const { url, authorizationFile } = q.settings
  const authorization = await readAuthorization(url, authorizationFile)
  return createAuditStream({ ...q, collector: { url, authorization, refused: 'audit_stream_refused' } })
}

/** Adds a metric with the number of records that the collector lacks. */
export function watchAuditStream(stream: AuditStream | undefined, metrics: Metrics): void {
  if (stream === undefined) return
  const help = 'Records of the audit log that the collector has not acknowledged'
  metrics.watch('concordat_audit_stream_behind', help, 'to', async () => [
    ['collector', await stream.behind()],
  ])
}
