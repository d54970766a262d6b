/**
 * At a start: a segment without a record is of a process that was killed before its commit, or whose commits failed. This process may
 * write meanwhile.
 */
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { RecordStore } from '../records/store.ts'
import type { WorkerSetup } from '../worker-api.ts'
import { deletableIn, segmentOwner } from './deletable.ts'
import type { SegmentWriter } from './segment-writer.ts'

export async function sweepSegments(q: {
  setup: Pick<WorkerSetup, 'databaseUrl' | 'bodyFolder' | 'node' | 'formerNodes'>
  records: Pick<RecordStore, 'isSegmentReferred'>
  segments: Pick<SegmentWriter, 'isOwn'>
}): Promise<void> {
  const owner = segmentOwner({ ...q.setup, root: q.setup.bodyFolder })
  for (const { folder, mayDelete } of await deletableIn(owner))
    for (const segment of await readdir(folder).catch(() => [])) {
      // Asked in this order: what was not touched for long has all its records by now.
      if (q.segments.isOwn(segment) || !(await mayDelete(segment))) continue
      if (await q.records.isSegmentReferred(segment)) continue
      await rm(path.join(folder, segment), { force: true })
    }
}
