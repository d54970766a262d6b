/** At a start: a segment without a record is of a process that was killed before its first commit, or whose commits failed. */
import { readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { RecordStore } from '../records/store.ts'
import type { WorkerSetup } from '../worker-api.ts'
import { segmentFolder } from './place.ts'
import { SEGMENT_BYTES } from './segment-writer.ts'

export async function sweepSegments(q: {
  setup: Pick<WorkerSetup, 'bodyFolder' | 'node' | 'formerNodes'>
  records: Pick<RecordStore, 'isSegmentReferred'>
  /** What this process has begun meanwhile. */
  current: string | undefined
}): Promise<void> {
  const { bodyFolder, node, formerNodes } = q.setup
  for (const folder of [node, ...formerNodes].map((each) => segmentFolder(bodyFolder, each)))
    for (const segment of await readdir(folder).catch(() => [])) {
      const file = path.join(folder, segment)
      // There may be very many full ones, each of which had its commits.
      if (segment === q.current || (await stat(file)).size >= SEGMENT_BYTES) continue
      if (!(await q.records.isSegmentReferred(segment))) await rm(file, { force: true })
    }
}
