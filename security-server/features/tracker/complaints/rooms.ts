/** What complaints work with. */
import type { Within } from '#platform/database/open-database.ts'
import type { ComplaintList } from './list-store.ts'
import type { ComplaintSettings } from './settings.ts'
import type { ComplaintStore } from './store.ts'

/** Seals what waits in the database; `of` names the row. */
export type Sealing = {
  readonly current: string
  seal(of: string, plain: Buffer): Buffer
  /** Throws `delivery_key_missing` when the key is not here. */
  open(of: string, sealed: Buffer): Buffer
}

export type ComplaintRooms = {
  settings: ComplaintSettings
  store: ComplaintStore
  list: ComplaintList
  /** The keys of what waits in the database, which no backup holds. */
  keys: Sealing
  /** Records in the audit log that a case opens. */
  record(act: { operation: string; target: string; data: object }, within?: Within): Promise<unknown>
  count(what: 'opened' | 'refused' | 'answered' | 'closed'): void
}
