/**
 * Where the server's audit log stood, as records of the message log: whoever cuts the audit log off, or writes it anew, contradicts
 * a log whose tree heads witnesses keep.
 */
import type { AuditHead } from '#platform/audit-log/create-audit-log.ts'
import type { LogDatabase } from './log-database.ts'
import { type KeyFinder, openRecord } from './open-record.ts'
import { ownRecord } from './own-record.ts'
import type { OwnRecord, Writer } from './records/writer.ts'
import type { WorkerClient } from './worker-client.ts'

/** How far the audit log had come in the newest of them. */
const AUDIT_MARK = 'audit-head'
const PART = 1000

export type AuditHeads = {
  /** Notes where the audit log stands, unless it stood there or further when it was last noted; says whether it did. */
  noteAuditHead(head: AuditHead): Promise<boolean>
  /** All that were noted, in the order of the log. */
  auditHeads(): AsyncGenerator<AuditHead>
}

/** In the writer's turn. */
export async function putAuditHead(q: {
  log: Pick<LogDatabase, 'records'>
  writer: Pick<Writer, 'append'>
  head: AuditHead
  now: number
  node: string
}): Promise<boolean> {
  const { records, digest } = q.head
  if (records <= ((await q.log.records.mark(AUDIT_MARK)) ?? 0)) return false
  const record: OwnRecord = {
    packed: ownRecord({
      kind: 'audit-head',
      time: q.now,
      metadata: { extra: { digest, records: `${records}` }, id: '', node: q.node, requestId: '' },
    }),
    beside: () => [
      {
        text: `insert into mark (name, value) values ('${AUDIT_MARK}', ?)
          on conflict (name) do update set value = excluded.value`,
        values: [records],
      },
    ],
  }
  const [result] = await q.writer.append([record])
  if (result !== undefined && 'fault' in result) throw result.fault
  return true
}

/** Of those among `limit` records from `first` on. Their forms are the leaves of the tree: none can be taken away unseen. */
export async function readAuditHeads(q: {
  log: Pick<LogDatabase, 'records'>
  findKey: KeyFinder
  first: number
  limit: number
}): Promise<AuditHead[]> {
  const heads: AuditHead[] = []
  for (const { idx, form } of await q.log.records.forms(q.first, q.limit)) {
    if (!form.includes('"kind":"audit-head"')) continue
    const { digest = '', records } = openRecord(await q.log.records.get(idx), q.findKey)?.metadata.extra ?? {}
    heads.push({ records: Number(records), digest })
  }
  return heads
}

export function auditHeadsOf(worker: Pick<WorkerClient, 'call' | 'state'>, clock: () => number): AuditHeads {
  return {
    noteAuditHead: (head) => worker.call('putAuditHead', { head, now: clock() }),
    auditHeads: async function* () {
      const { size } = worker.state()
      for (let first = 0; first < size; first += PART)
        yield* await worker.call('auditHeads', { first, limit: Math.min(PART, size - first) })
    },
  }
}
