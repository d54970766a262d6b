/**
 * Parts of the log. What reads records, or decides when they end, works in the log's thread, where its database and its keys are, and
 * lies above the log: it brings its tables and methods as a part. The log knows of it what stands here; the wiring lists parts
 * (`log-parts.ts`).
 */
import type { Migration } from 'kysely/migration'
import { merge } from '#platform/feature.ts'
import type { Erased, ErasedContent, Erasure } from './erase.ts'
import type { KeyRing } from './keys/key-ring.ts'
import type { LogDatabase } from './log-database.ts'
import { messageLogMigrations } from './migrations/all.ts'
import type { SideStatement } from './records/hot-store.ts'
import type { RecentRecords } from './records/recent-records.ts'

/** What a part gets in the log's thread. */
export type PartGround = {
  log: LogDatabase
  ring: Pick<KeyRing, 'find' | 'current' | 'all'>
  /** What this node logged last, so that it need not be read and opened again. */
  recent: RecentRecords
  /** Writes stand in a row, with the groups of the message path: what is done in the turn meets no half-done transaction. */
  inTurn<T>(act: () => Promise<T>): Promise<T>
  /** In the turn: brings all parts up to the newest record. */
  catchUp(): Promise<void>
  /**
   * In the turn: erases all of these in one commit, or none. `holds` is the number of the holds that were asked: when one was set since,
   * nothing is erased.
   */
  erase(q: { erasures: Erasure[]; holds: number; now: number }): Promise<Erased[]>
  /** In the turn, after an erasure: see `HotStore`. */
  scrub(): Promise<boolean>
}

/** A part that is open. */
export type OpenPart<Methods extends object> = {
  /** What the main thread may ask: functions of one argument whose results are cloned on their way. No two parts have one of the same name. */
  methods: Methods
  /** In the turn: one slice of what can wait, for a log of `size` records. Says whether more is to do. */
  maintain?(size: number): Promise<boolean>
  /** What of this part's rows goes in the commit in which a record's content goes. */
  erased?(record: ErasedContent): SideStatement[]
}

export type LogPart<Methods extends object> = {
  /** Its tables in the log's database, step by step. Names are never changed or dropped. */
  migrations?: Record<string, Migration>
  open(ground: PartGround): OpenPart<Methods>
}

/** What the parts of a list may be asked, together. */
export type MethodsOf<Parts> = Parts extends readonly [LogPart<infer Methods>, ...infer Others]
  ? Methods & MethodsOf<Others>
  : object

/** All migrations of the log's database. */
export function logMigrations(parts: readonly LogPart<object>[]): Record<string, Migration> {
  return merge('migration', [messageLogMigrations, ...parts.map(({ migrations }) => migrations ?? {})])
}
