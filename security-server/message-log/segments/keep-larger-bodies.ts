/**
 * Bodies that are too large for a record's row are durable in a segment before their records are written. If that fails, only the
 * records with such a body are refused.
 */
import { Fault } from '#schemas/fault.ts'
import type { PackedRecord } from '../group-format.ts'
import { LARGEST_IN_ROW } from '../spool.ts'
import type { SegmentWriter } from './segment-writer.ts'

/** The records as they are to be stored; a fault in the place of one whose body cannot be kept. */
export function keepLargerBodies(
  records: PackedRecord[],
  segments: Pick<SegmentWriter, 'keep'>,
): (PackedRecord | Fault)[] {
  const larger = records.filter(isLarger)
  if (larger.length === 0) return records
  try {
    const kept = segments.keep(larger.map(({ body }) => body!))
    return records.map((record) => {
      const at = larger.indexOf(record)
      if (at < 0) return record
      const { name, dataKey } = kept[at]!
      const head = { ...record.head, body: { size: record.body!.length, name } }
      return { ...record, head, body: undefined, bodyKey: dataKey }
    })
  } catch (cause) {
    const fault = new Fault('logging_failed', { what: 'a body cannot be written', cause })
    return records.map((record) => (isLarger(record) ? fault : record))
  }
}

function isLarger({ head, body }: PackedRecord): boolean {
  // At other levels no content is stored.
  return head.logLevel === 'full' && body !== undefined && body.length > LARGEST_IN_ROW
}
