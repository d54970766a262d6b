/**
 * Sends every record of the audit log to the collector of the operator's security monitoring, in order and at
 * least once. The database has the last acknowledged record, so nothing is skipped while the collector is
 * down.
 *
 * OTLP/HTTP 1.x with JSON bodies (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP").
 */
import type { Database } from '#platform/database/open-database.ts'
import { attributesOf, nanoseconds, resourceOf, type ToldBy } from '#platform/telemetry/attributes.ts'
import { type Collector, postToCollector } from '#platform/telemetry/client.ts'
import { type AuditRow, createAuditStore } from './store.ts'

export type AuditStream = {
  /**
   * Sends the records that the collector lacks. Throws `audit_stream_refused` if it does not accept them; try
   * again later.
   */
  send(signal: AbortSignal): Promise<void>
  /** The number of records that the collector lacks. */
  behind(): Promise<number>
}

const AT_ONCE = 200

export function createAuditStream(q: {
  database: Database
  collector: Collector
  toldBy: ToldBy
}): AuditStream {
  const store = createAuditStore(q.database)
  const { url } = q.collector

  const deliver = (rows: AuditRow[], signal: AbortSignal): Promise<void> =>
    postToCollector(q.collector, logsOf(rows, q.toldBy), { signal, rejected: 'rejectedLogRecords' })

  return {
    send: async (signal) => {
      for (;;) {
        const rows = await store.after(await store.streamed(url), AT_ONCE)
        if (rows.length === 0 || signal.aborted) return
        await deliver(rows, signal)
        await store.keepStreamed(url, rows.at(-1)!.sequence)
      }
    },
    behind: async () => {
      const [newest] = await store.find({}, { offset: 0, limit: 1 })
      return (newest?.sequence ?? 0) - (await store.streamed(url))
    },
  }
}

/** An ExportLogsServiceRequest (opentelemetry-proto, logs/v1). */
function logsOf(rows: AuditRow[], toldBy: ToldBy): object {
  const logRecords = rows.map((row) => {
    const at = nanoseconds(Date.parse(row.at))
    return {
      ...{ timeUnixNano: at, observedTimeUnixNano: at },
      // INFO (opentelemetry logs data model, "Field: SeverityNumber").
      ...{ severityNumber: 9, severityText: 'INFO', eventName: 'concordat.audit' },
      body: { stringValue: `${row.operation} ${row.target}` },
      attributes: attributesOf({
        'audit.sequence': row.sequence,
        'audit.caller.id': row.caller_id,
        'audit.caller.name': row.caller_name,
        'audit.operation': row.operation,
        'audit.target': row.target,
        'audit.data': row.data,
        'audit.digest': row.digest.toString('hex'),
      }),
    }
  })
  const scopeLogs = [{ scope: { name: 'concordat.audit-log' }, logRecords }]
  return { resourceLogs: [{ resource: resourceOf(toldBy), scopeLogs }] }
}
