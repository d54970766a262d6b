/** Which files hold nothing but bodies of erased records. */

import { placeOf } from '../bodies/segment-place.ts'
import type { Settled } from '../records/settled.ts'
import type { RecordStore } from '../records/store.ts'

export type FilesToDelete = {
  /** The files, each with the names of the bodies in it that are to be forgotten once it is deleted. */
  files: { file: string; names: string[] }[]
  /** Names of bodies whose file others still need: whoever deletes it later need not know them. */
  shared: string[]
}

/**
 * Within the writer's turn; `names` are those of erased bodies. This node writes no body any more to a
 * segment that is among the files; whether another one may is asked before its file is deleted.
 */
export async function filesToDelete(
  names: string[],
  q: {
    records: Pick<RecordStore, 'isSegmentReferred'>
    settled: Pick<Settled, 'sizeNow'>
    leaveSegment(segment: string): void
  },
): Promise<FilesToDelete> {
  const byFile = new Map<string, string[]>()
  for (const name of names) {
    const file = placeOf(name)?.segment ?? name
    byFile.set(file, [...(byFile.get(file) ?? []), name])
  }
  // A commit that this node gave up may still be under way in the database: behind the lock of the head it is
  // done or gone.
  if (names.some((name) => placeOf(name) !== undefined)) await q.settled.sizeNow()
  const found: FilesToDelete = { files: [], shared: [] }
  for (const [file, bodies] of byFile) {
    const isSegment = bodies[0] !== file
    if (isSegment && (await q.records.isSegmentReferred(file))) {
      found.shared.push(...bodies)
      continue
    }
    if (isSegment) q.leaveSegment(file)
    found.files.push({ file, names: bodies })
  }
  return found
}
