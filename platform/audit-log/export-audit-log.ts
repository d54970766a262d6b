/**
 * The audit log as a file that anybody can verify: one JSON object per line, oldest first, with everything
 * that its digest covers.
 */
import { Readable } from 'node:stream'
import type { AuditLog } from './create-audit-log.ts'
import type { AuditRow } from './store.ts'

/**
 * Lines of all records in the range of ISO times, made while they are read. docs/audit-log.md specifies a
 * line.
 */
export function exportAuditLog(
  audit: Pick<AuditLog, 'pages'>,
  range: { from?: string | undefined; until?: string | undefined },
): Readable {
  return Readable.from(linesOf(audit.pages(range)))
}

async function* linesOf(pages: AsyncIterable<AuditRow[]>): AsyncGenerator<Buffer> {
  for await (const page of pages) yield Buffer.from(page.map((row) => `${lineOf(row)}\n`).join(''))
}

/** `data` stays text, since the digest covers its exact characters. */
function lineOf({ digest, ...row }: AuditRow): string {
  return JSON.stringify({ ...row, digest: digest.toString('hex') })
}
