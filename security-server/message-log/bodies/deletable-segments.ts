/**
 * Guarantees that no segment is deleted to which a record refers: nodes that share a file system have one
 * folder each. A node deletes its own, which it leaves first; and what another one, which may be gone, has
 * not touched for long. That one may only stand still, between a sync and its commit: so the segment is given
 * up in the database first, under the lock of the tree's head, under which each commit looks.
 */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { segmentFolder, segmentFolders } from './segment-place.ts'

/**
 * Whose segments these are: `own` names this node and those in whose place it is; undefined where no other
 * node can be.
 */
export type SegmentOwner = { root: string; own: ReadonlySet<string> | undefined }

/** Resolves to whether no record refers to the segment of another node, nor ever will. */
export type GiveUp = (segment: string) => Promise<boolean>

/**
 * A commit takes seconds at most, and a writer adds nothing to a segment that was untouched for half of this
 * (segment-writer.ts).
 */
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

/**
 * The folders in which this node may delete, each with the question whether it may delete this file there.
 */
export async function deletableIn(
  { root, own }: SegmentOwner,
  giveUp: GiveUp,
): Promise<{ folder: string; mayDelete(segment: string): Promise<boolean> }[]> {
  const isAll = own === undefined
  const mine = new Set([...(own ?? [])].map((node) => segmentFolder(root, node)))
  return (await segmentFolders(root)).map((folder) => ({
    folder,
    mayDelete: async (segment) =>
      isAll ||
      mine.has(folder) ||
      // In this order: whoever is about to commit has touched it before it looks whether it was given up.
      ((await isUntouched(path.join(folder, segment))) && (await giveUp(segment))),
  }))
}

async function isUntouched(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > UNTOUCHED_MS
}
