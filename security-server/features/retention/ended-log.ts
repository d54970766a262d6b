/**
 * The log's database for retention in the log's thread: with the search index, and with the decisions about
 * each record's content.
 */
import type { LogDatabase } from '../../message-log/log-store.ts'
import { type IndexedLog, withIndex } from '../../reading/indexed-log.ts'
import { type ArchiveStore, createArchiveStore } from './archives/store.ts'
import { createHoldStore, type HoldStore } from './holds/store.ts'
import { createRetentionStore, type RetentionStore } from './store.ts'

export type EndedLog = IndexedLog & { retention: RetentionStore; holds: HoldStore; archives: ArchiveStore }

export function endedLog(log: LogDatabase): EndedLog {
  const { database } = log
  return {
    ...withIndex(log),
    retention: createRetentionStore(database),
    holds: createHoldStore(database),
    archives: createArchiveStore(database),
  }
}
