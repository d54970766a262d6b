/**
 * Sends every record of the audit log to the collector of the operator's security monitoring, in order and at least once. The
 * database has the last acknowledged record, so nothing is skipped while the collector is down.
 *
 * OTLP/HTTP 1.x with JSON bodies (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP").
 */
import type { Database } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { PostRecords } from './client.ts'
import { type AuditRow, createAuditStore } from './store.ts'

export type AuditStream = {
  /** Sends the records that the collector lacks. Throws `audit_stream_refused` if it does not accept them; try again later. */
  send(signal: AbortSignal): Promise<void>
  /** The number of records that the collector lacks. */
  behind(): Promise<number>
}

const AT_ONCE = 200

export function createAuditStream(q: {
  database: Database
  url: string
  authorization?: string | undefined
  /** The writer of this log: the collector's `service.name` and `service.instance.id`. */
  service: { name: string; instance: string }
  post: PostRecords
}): AuditStream {
  const store = createAuditStore(q.database)
  const headers: Record<string, string> =
    q.authorization === undefined ? {} : { authorization: q.authorization }

  async function deliver(rows: AuditRow[], signal: AbortSignal): Promise<void> {
    const { status, body } = await q.post(q.url, JSON.stringify(logsOf(rows, q.service)), headers, signal)
    if (status !== 200) throw new Fault('audit_stream_refused', { what: `HTTP ${status}` })
    const rejected = rejectedOf(body)
    if (rejected !== '0')
      throw new Fault('audit_stream_refused', {
        what: `it rejected ${rejected} of ${rows.length} records`,
      })
  }

  return {
    send: async (signal) => {
      for (;;) {
        const rows = await store.after(await store.streamed(q.url), AT_ONCE)
        if (rows.length === 0 || signal.aborted) return
        await deliver(rows, signal)
        await store.keepStreamed(q.url, rows.at(-1)!.sequence)
      }
    },
    behind: async () => {
      const [newest] = await store.find({}, { offset: 0, limit: 1 })
      return (newest?.sequence ?? 0) - (await store.streamed(q.url))
    },
  }
}

/** ExportLogsServiceRequest (opentelemetry-proto, collector/logs/v1). In JSON, 64-bit numbers are texts. */
function logsOf(rows: AuditRow[], service: { name: string; instance: string }): object {
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  const resource = {
    attributes: [text('service.name', service.name), text('service.instance.id', service.instance)],
  }
  const logRecords = rows.map((row) => {
    const nanoseconds = `${Date.parse(row.at)}000000`
    return {
      timeUnixNano: nanoseconds,
      observedTimeUnixNano: nanoseconds,
      // INFO (opentelemetry logs data model, "Field: SeverityNumber").
      ...{ severityNumber: 9, severityText: 'INFO', eventName: 'concordat.audit' },
      body: { stringValue: `${row.operation} ${row.target}` },
      attributes: [
        { key: 'audit.sequence', value: { intValue: String(row.sequence) } },
        text('audit.caller.id', row.caller_id),
        text('audit.caller.name', row.caller_name),
        text('audit.operation', row.operation),
        text('audit.target', row.target),
        text('audit.data', row.data),
        text('audit.digest', row.digest.toString('hex')),
      ],
    }
  })
  return { resourceLogs: [{ resource, scopeLogs: [{ scope: { name: 'concordat.audit-log' }, logRecords }] }] }
}

/** `partialSuccess.rejectedLogRecords` of the answer; an answer that is not JSON acknowledges nothing. */
function rejectedOf(body: string): string {
  try {
    const { partialSuccess } = JSON.parse(body === '' ? '{}' : body) as {
      partialSuccess?: { rejectedLogRecords?: string | number }
    }
    return String(partialSuccess?.rejectedLogRecords ?? 0)
  } catch (cause) {
    throw new Fault('audit_stream_refused', { what: 'its answer is no JSON', cause })
  }
}
