/**
 * Records how far the server's audit log had come as records of the message log. Cutting the audit log off,
 * or rewriting it, then contradicts a log whose tree heads witnesses keep.
 */
import type { AuditHead } from '#platform/audit-log/create-audit-log.ts'
import { ownRecord } from '../formats/own-record.ts'
import type { LogDatabase } from '../log-store.ts'
import type { WorkerClient } from '../worker-client.ts'
import { type KeyFinder, openRecord } from './open-record.ts'
import type { OwnRecord, Writer } from './writer.ts'

/** The mark with the number of audit records in the newest noted head. */
const AUDIT_MARK = 'audit-head'
const PART = 1000

export type AuditHeads = {
  /**
   * Appends the head to the log, unless one with at least as many audit records is there already. Resolves to
   * true when it was appended.
   */
  noteAuditHead(head: AuditHead): Promise<boolean>
  /** All noted heads, in the order of the log. */
  auditHeads(): AsyncGenerator<AuditHead>
}

/** Call in the writer's turn. */
export async function putAuditHead(q: {
  log: Pick<LogDatabase, 'records'>
  writer: Pick<Writer, 'append'>
  head: AuditHead
  now: number
  node: string
}): Promise<boolean> {
  const { records, digest } = q.head
  const isThere = (mark: number | undefined) => records <= (mark ?? 0)
  if (isThere(await q.log.records.mark(AUDIT_MARK)) && isThere(await q.log.records.durableMark(AUDIT_MARK)))
    return false
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

/**
 * The heads among `limit` records from `first` on. The records' forms are leaves of the tree, so none can be
 * removed unnoticed.
 */
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
