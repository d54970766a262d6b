/**
 * Each node copies the leaves to its own folder, also those of publications by other nodes. When one node
 * loses its database and folder, every other node still has the leaves.
 */
import { hash } from 'node:crypto'
import { hostname } from 'node:os'
import path from 'node:path'
import type { LeafFile } from './leaf-file.ts'
import type { LogStore } from './store.ts'

export const FOLLOW_LEAVES_SECONDS = 30
const LEAVES_AT_ONCE = 1000

/** The kind of this node's job: it depends on host name and folder, so it is the same after every restart. */
export function followLeavesOf(directory: string): string {
  return `follow-leaves ${hash('sha256', `${hostname()} ${path.resolve(directory)}`).slice(0, 12)}`
}

/**
 * Durably appends the leaves that the file lacks. Throws `log_inconsistent` when the file belongs to another
 * log.
 */
export async function followLeaves(
  file: Pick<LeafFile, 'follow'>,
  log: Pick<LogStore, 'leaves'>,
): Promise<void> {
  await file.follow((from) => log.leaves(from, LEAVES_AT_ONCE))
}
