/**
 * Guarantees that no segment is deleted while another node writes to it, or before the commit of what it wrote: nodes that share a file system
 * have one folder each. A node deletes its own, which it leaves first; and what another one, which may be gone, has not touched for long. A
 * node that stands still for ten minutes between a sync and its commit can lose what it wrote.
 */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { segmentFolder, segmentFolders } from './place.ts'

/** Whose segments these are: `own` names this node and those in whose place it is; undefined where no other node can be. */
export type SegmentOwner = { root: string; own: ReadonlySet<string> | undefined }

/** A commit takes seconds at most, and a writer adds nothing to a segment that was untouched for half of this (segment-writer.ts). */
export const UNTOUCHED_MS = 10 * 60_000

/** Those in whose place the node is since its start; what a node took over later counts as another one's. */
export function segmentOwner(q: {
  databaseUrl: string
  root: string
  node: string
  formerNodes: readonly string[]
}): SegmentOwner {
  const isOnlyNode = q.databaseUrl.startsWith('sqlite:')
  return { root: q.root, own: isOnlyNode ? undefined : new Set([q.node, ...q.formerNodes]) }
}

/** The folders in which this node may delete, each with the question whether it may delete this file there. */
export async function deletableIn({
  root,
  own,
}: SegmentOwner): Promise<{ folder: string; mayDelete(segment: string): Promise<boolean> }[]> {
  const isAll = own === undefined
  const mine = new Set([...(own ?? [])].map((node) => segmentFolder(root, node)))
  return (await segmentFolders(root)).map((folder) => ({
    folder,
    mayDelete: async (segment) =>
      isAll || mine.has(folder) || (await isUntouched(path.join(folder, segment))),
  }))
}

async function isUntouched(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > UNTOUCHED_MS
}
