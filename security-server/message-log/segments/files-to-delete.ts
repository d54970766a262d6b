/** Which files hold nothing but bodies of erased records. */
import type { RecordStore } from '../records/store.ts'
import { placeOf } from './place.ts'

/** `names` are those of erased bodies. No body is written any more to a segment that is among the files. */
export async function filesToDelete(
  names: string[],
  records: Pick<RecordStore, 'isSegmentReferred'>,
  leaveSegment: (segment: string) => void,
): Promise<string[]> {
  const files = new Set<string>()
  const seen = new Set<string>()
  for (const name of names) {
    const segment = placeOf(name)?.segment
    if (segment === undefined) files.add(name)
    else if (!seen.has(segment)) {
      seen.add(segment)
      if (await records.isSegmentReferred(segment)) continue
      leaveSegment(segment)
      files.add(segment)
    }
  }
  return [...files]
}
