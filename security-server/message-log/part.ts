/**
 * Parts of the log. Code that reads records, or decides when their contents end, runs in the log's thread,
 * where the database and the keys are. It brings its tables and methods as a part. The log knows only the
 * types in this file; the wiring lists the parts (`log-parts.ts`).
 */
import type { Migration } from 'kysely/migration'
import { merge } from '#platform/feature.ts'
import type { Erased, ErasedContent, Erasure } from './erasure/erase.ts'
import type { SideStatement } from './hot-store.ts'
import type { KeyRing } from './keys/key-ring.ts'
import type { LogDatabase } from './log-store.ts'
import { messageLogMigrations } from './migrations/all.ts'
import type { RecentRecords } from './records/recent-records.ts'
import type { Settled } from './records/settled.ts'

/** What a part can use in the log's thread. */
export type PartGround = {
  log: LogDatabase
  ring: Pick<KeyRing, 'find' | 'current' | 'all'>
  /** The records that this node logged last, so that they need not be read and decrypted again. */
  recent: RecentRecords
  /**
   * Runs `act` in the queue of all writes, together with the groups of the message path, so that it never
   * meets a half-done transaction.
   */
  inTurn<T>(act: () => Promise<T>): Promise<T>
  /** For what others committed and may still lose: see there. */
  settled: Settled
  /** Within `inTurn`: runs the maintenance of all parts up to the newest record that is durable. */
  catchUp(): Promise<void>
  /**
   * Within `inTurn`: erases all of these in one commit, or none. `holds` is the number of the legal holds
   * that were checked: when another one was set since, nothing is erased.
   */
  erase(q: { erasures: Erasure[]; holds: number; now: number }): Promise<Erased[]>
  /** Within `inTurn`: no body is written to this segment any more. */
  leaveSegment(segment: string): void
  /** Within `inTurn`, after an erasure: see `HotStore`. */
  scrub(): Promise<boolean>
}

/** A part that is open. */
export type OpenPart<Methods extends object> = {
  /**
   * Functions of one argument that the main thread may call; their results are cloned. Names are unique among
   * all parts.
   */
  methods: Methods
  /**
   * Within `inTurn`: does one slice of work for a log of `size` records. Resolves to true when there is more
   * to do.
   */
  maintain?(size: number): Promise<boolean>
  /** The statements that delete this part's rows about a content, in the commit that erases it. */
  erased?(record: ErasedContent): SideStatement[]
}

export type LogPart<Methods extends object> = {
  /** The migrations of its tables in the log's database. Names are never changed or dropped. */
  migrations?: Record<string, Migration>
  open(ground: PartGround): OpenPart<Methods>
}

/** The methods of all parts of a list. */
export type MethodsOf<Parts> = Parts extends readonly [LogPart<infer Methods>, ...infer Others]
  ? Methods & MethodsOf<Others>
  : object

/** All migrations of the log's database. */
export function logMigrations(parts: readonly LogPart<object>[]): Record<string, Migration> {
  return merge('migration', [messageLogMigrations, ...parts.map(({ migrations }) => migrations ?? {})])
}
