/** Which files hold nothing but bodies of erased records. */
import type { RecordStore } from '../records/store.ts'
import { placeOf } from './place.ts'

export type FilesToDelete = {
  /** The files, each with the names of the bodies in it that are to be forgotten once it is deleted. */
  files: { file: string; names: string[] }[]
  /** Names of bodies whose file others still need: whoever deletes it later need not know them. */
  shared: string[]
}

/** `names` are those of erased bodies. No body is written any more to a segment that is among the files. */
export async function filesToDelete(
  names: string[],
  records: Pick<RecordStore, 'isSegmentReferred'>,
  leaveSegment: (segment: string) => void,
): Promise<FilesToDelete> {
  const byFile = new Map<string, string[]>()
  for (const name of names) {
    const file = placeOf(name)?.segment ?? name
    byFile.set(file, [...(byFile.get(file) ?? []), name])
  }
  const found: FilesToDelete = { files: [], shared: [] }
  for (const [file, bodies] of byFile) {
    const isSegment = bodies[0] !== file
    if (isSegment && (await records.isSegmentReferred(file))) {
      found.shared.push(...bodies)
      continue
    }
    if (isSegment) leaveSegment(file)
    found.files.push({ file, names: bodies })
  }
  return found
}
