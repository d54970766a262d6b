/**
 * Each node keeps the leaves in its own folder, also those of publications that another node made: when database and folder of that
 * one are lost, any other still knows them.
 */
import { hash } from 'node:crypto'
import { hostname } from 'node:os'
import path from 'node:path'
import type { LeafFile } from './leaf-file.ts'
import type { LogStore } from './store.ts'

export const FOLLOW_LEAVES_SECONDS = 30
const LEAVES_AT_ONCE = 1000

/** Work on the folder of one node, which has the same name after every restart. */
export function followLeavesOf(directory: string): string {
  return `follow-leaves ${hash('sha256', `${hostname()} ${path.resolve(directory)}`).slice(0, 12)}`
}

/** Durably adds what the file lacks. Throws `log_inconsistent` when the file is of another log. */
export async function followLeaves(file: LeafFile, log: Pick<LogStore, 'leaves'>): Promise<void> {
  await file.follow((from) => log.leaves(from, LEAVES_AT_ONCE))
}
