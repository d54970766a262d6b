/**
 * At a start: a segment without a record is of a process that was killed before its commit, or whose commits failed. This process may
 * write meanwhile.
 */
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { RecordStore } from '../records/store.ts'
import type { WorkerSetup } from '../worker-api.ts'
import { segmentFolders } from './place.ts'
import type { SegmentWriter } from './segment-writer.ts'

export async function sweepSegments(q: {
  setup: Pick<WorkerSetup, 'bodyFolder'>
  records: Pick<RecordStore, 'isSegmentReferred'>
  segments: Pick<SegmentWriter, 'isOwn'>
}): Promise<void> {
  for (const folder of await segmentFolders(q.setup.bodyFolder))
    for (const segment of await readdir(folder).catch(() => [])) {
      if (q.segments.isOwn(segment) || (await q.records.isSegmentReferred(segment))) continue
      await rm(path.join(folder, segment), { force: true })
    }
}
