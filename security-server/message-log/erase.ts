/**
 * Erasure: the record's key is destroyed, so its content and the guessing at its commitments are gone, while leaf,
 * signature digest, time-stamp and proof stay. The erasure itself is a record that answers the erased one.
 */
import { Fault } from '#schemas/fault.ts'
import { decodeBodyFile, SECTION } from './content.ts'
import type { KeyRing } from './keys/key-ring.ts'
import type { LogDatabase } from './log-database.ts'
import { openRecord } from './open-record.ts'
import { ownRecord } from './own-record.ts'
import type { OwnRecord } from './records/writer.ts'

const ERASABLE: ReadonlySet<string> = new Set(['request', 'reply', 'refusal', 'outcome-unknown'])

/** Throws `not_found`, `conflict` when it is erased already, `invalid_input` for a record of the log about itself. */
export async function eraseRecord(q: {
  index: number
  reason: string
  now: number
  log: LogDatabase
  ring: KeyRing
  node: string
  append(record: OwnRecord): Promise<number>
}): Promise<{ erasureIndex: number; bodyFile: string | undefined }> {
  const record = await q.log.records.get(q.index)
  const { kind } = JSON.parse(record.form) as { kind: string }
  if (!ERASABLE.has(kind))
    throw new Fault('invalid_input', { what: `a record of kind ${kind} is not erased` })
  if (record.seed === undefined) throw new Fault('conflict', { what: `record ${q.index} is erased already` })
  const file = openRecord(record, q.ring.find)?.sections[SECTION.bodyFile]
  const time = new Date(q.now).toISOString()
  const erasureIndex = await q.append({
    packed: ownRecord({
      kind: 'erasure',
      time: q.now,
      metadata: { answers: q.index, extra: { reason: q.reason }, id: '', node: q.node, requestId: '' },
      answers: q.index,
    }),
    beside: (idx) => [
      { text: 'delete from record_key where idx = ?', values: [q.index] },
      { text: 'delete from search where idx = ?', values: [q.index] },
      { text: 'insert into erasure (idx, erasure_idx, time) values (?, ?, ?)', values: [q.index, idx, time] },
    ],
  })
  return { erasureIndex, bodyFile: file === undefined ? undefined : decodeBodyFile(file).name }
}
