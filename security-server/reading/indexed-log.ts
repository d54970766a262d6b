/**
 * Adds the stores of the index to the log's stores, for a thread that has opened the log's database itself.
 */
import type { LogDatabase } from '../message-log/log-store.ts'
import { createSearchStore, type SearchStore } from './index/store.ts'
import { createTermsStore, type TermsStore } from './index/terms-store.ts'

export type IndexedLog = LogDatabase & { search: SearchStore; terms: TermsStore }

export function withIndex(log: LogDatabase): IndexedLog {
  return {
    ...log,
    search: createSearchStore(log.database),
    terms: createTermsStore(log.database, log.circumstances),
  }
}
