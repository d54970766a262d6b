/**
 * At a start: a segment without a record is of a process that was killed before its commit, or whose commits
 * failed. This process may write meanwhile.
 */
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { deletableIn, segmentOwner } from '../bodies/deletable-segments.ts'
import type { RecordStore } from '../records/store.ts'
import type { WorkerSetup } from '../worker-api.ts'
import type { SegmentWriter } from './segment-writer.ts'

export async function sweepSegments(q: {
  setup: Pick<WorkerSetup, 'databaseUrl' | 'bodyFolder' | 'node' | 'formerNodes'>
  records: Pick<RecordStore, 'isSegmentReferred' | 'giveUpSegment'>
  segments: Pick<SegmentWriter, 'isOwn'>
  /** Waits for the commits that are under way: those of a process that was killed may be. */
  settle(): Promise<unknown>
}): Promise<void> {
  const owner = segmentOwner({ ...q.setup, root: q.setup.bodyFolder })
  const deletable = await deletableIn(owner, q.records.giveUpSegment)
  await q.settle()
  for (const { folder, mayDelete } of deletable)
    for (const segment of await readdir(folder).catch(() => [])) {
      if (q.segments.isOwn(segment) || !(await mayDelete(segment))) continue
      if (await q.records.isSegmentReferred(segment)) continue
      await rm(path.join(folder, segment), { force: true })
    }
}
