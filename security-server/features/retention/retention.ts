/**
 * Retention for the rest of the server. Content ends when its time is over or by order, unless a legal hold
 * covers it. The job may be killed at any point and continues there, because an erasure's commit records what
 * is left to do.
 */
import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { EndMode, Erased } from '../../message-log/erasure/erase.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import { gently } from '../../message-log/worker/gently.ts'
import type { Archiver } from './archives/archiver.ts'
import { openArchive } from './archives/open-archive.ts'
import type { ArchiveFilter, StoredArchive } from './archives/store.ts'
import { type ClassSettings, checkClass, type RetentionClass } from './classes.ts'
import type { ErasureOrder } from './erase-exchange.ts'
import { checkScope, type HoldScope } from './holds/scope.ts'
import type { Hold, HoldFilter } from './holds/store.ts'
import type { RetentionCounts, RetentionMethods } from './part.ts'

/**
 * Of a part that keeps content of exchanges outside the log. `index`: any record of the exchange. What it
 * resolves to takes back what it did, when the order is certainly not carried out.
 */
type CheckOrder = (index: number) => Promise<(() => Promise<void>) | undefined>

/**
 * `isLeftToDelete`: the keys are destroyed, and a copy of one or a file of the content could not be deleted
 * yet. The jobs try again, and tell why it fails.
 */
type Carried = { erased: Erased[]; isLeftToDelete: boolean }

export type Retention = {
  /** All classes, and the services that are in another class than the default one. */
  classes(): Promise<{ classes: RetentionClass[]; assignments: { service: string; class: string }[] }>
  /**
   * Creates or changes a class, for records from now on. With `applyToExisting`, also for all records that
   * have content. Throws `invalid_input`, and `conflict` for existing records while nodes of another version
   * run.
   */
  putClass(q: ClassSettings & { applyToExisting: boolean }): Promise<void>
  /** Puts a service (its identifier) into a class. Throws `not_found`, and `conflict` as `putClass`. */
  assign(q: { service: string; class: string; applyToExisting: boolean }): Promise<void>
  /** The numbers of due and of held contents (each counted up to 10,000), and when the next content ends. */
  counts(): Promise<RetentionCounts>
  /** Ends due contents; for a job. Returns their number. Stops early when `signal` aborts. */
  run(signal?: AbortSignal): Promise<number>
  /**
   * Deletes the files of erased bodies that are in this node's folder; for a job of each node. Other nodes'
   * files it leaves. Throws what stood in the way of one after it has tried all.
   */
  deleteBodies(): Promise<void>
  /** What this throws about a record refuses the order to erase its exchange, before anything is erased. */
  beforeOrders(check: CheckOrder): void
  /**
   * Erases all records of an exchange in this log at once. Returns each record with the index of its erasure
   * record. Throws `under_legal_hold`, `conflict`, `not_found`, `invalid_input`.
   */
  erase(order: ErasureOrder): Promise<Carried>
  /**
   * The hold is in force when the promise resolves. `tooLate`: the listed records whose content had been
   * erased before. Throws `invalid_input`, `not_found`, `conflict`.
   */
  setHold(q: {
    caseNumber: string
    reason: string
    scope: HoldScope
    setBy: string
  }): Promise<Hold & { tooLate: number[] }>
  /** Throws `not_found`, `conflict`. */
  liftHold(q: { id: number; liftedBy: string; reason: string }): Promise<Hold>
  hold(id: number): Promise<Hold>
  /** Newest first. */
  holds(filter: HoldFilter): Promise<Hold[]>
  /** Newest first. */
  archives(filter: ArchiveFilter): Promise<StoredArchive[]>
  /** An archive all of whose records this reader may see. Throws `not_found`, `record_is_secret`. */
  archive(q: { id: number; clearance: Clearance }): Promise<StoredArchive>
  /** The archive's file, after a check that it is what was written. Throws as `openArchive`. */
  archiveFile(archive: StoredArchive): Promise<Readable>
}

export type { ClassSettings, EndMode, Hold, HoldFilter, HoldScope, StoredArchive }

/** How an order is refused; after any other fault nobody knows whether it was carried out. */
const ERASED_NOTHING: ReadonlySet<string> = new Set([
  ...['conflict', 'invalid_input', 'not_found', 'under_legal_hold'],
])
/** A batch occupies the log's thread for some milliseconds, in which no exchange is logged. */
const BATCH = 50
/** The longest time of a run. The next run continues. */
const RUN_MS = 60_000
const FILES = 200
/** How many names a run looks at. Those of a node that is gone stay, and must not be read again and again. */
const MOST_FILES = 50 * FILES
const BETWEEN_ARCHIVES_MS = 20

export function createRetention(q: {
  messageLog: Pick<MessageLog<RetentionMethods>, 'parts' | 'bodies' | 'maintain'>
  /** This node, and those in whose place it is. */
  own: readonly [string, ...string[]]
  clock: Clock
  /** Whether what is over by the clock may end now. */
  isTimeProven: () => boolean
  nodesOfOtherVersions: () => Promise<string[]>
  /** Undefined if no archives are made: then content that must be archived first is kept. */
  archiver: Archiver | undefined
  /** Where the files of archives are. */
  archiveFiles: Parameters<typeof openArchive>[0]
}): Retention {
  const { clock, own } = q
  const { parts, bodies, maintain } = q.messageLog
  const inTurn = createTurn()
  const checks: CheckOrder[] = []

  /** An older version that decides again keeps what was to stay by the decision before. */
  const refuseBesideOthers = async ({ applyToExisting }: { applyToExisting: boolean }): Promise<void> => {
    const others = applyToExisting ? await q.nodesOfOtherVersions() : []
    if (others.length === 0) return
    throw new Fault('conflict', {
      what: say`nodes of another version run (${others.join(', ')}): existing records are decided again only by nodes of one version`,
    })
  }

  /** Where the next look at the names of erased bodies begins. */
  let lookedUpTo = ''
  const deleteBodies = async (): Promise<void> => {
    const failures: unknown[] = []
    let after: string | undefined = lookedUpTo
    for (let seen = 0; after !== undefined && seen < MOST_FILES; seen += FILES) {
      const { files, shared, isOnlyNode, begun, upTo } = await parts.erasedBodyFiles({
        ...{ after, limit: FILES, own },
      })
      const names = [...shared]
      const { gone, failed } = await bodies.erase(
        files.map(({ file }) => file),
        {
          giveUp: (segment) => parts.giveUpSegment(segment),
          begun,
          begin: (here) => parts.beginBodyFiles({ files: here, node: own[0] }),
        },
      )
      failures.push(...failed.values())
      for (const { file, names: its } of files)
        if (gone.has(file) || (isOnlyNode && !failed.has(file))) names.push(...its)
      if (names.length > 0) await parts.forgetBodyFiles(names)
      after = upTo
    }
    lookedUpTo = after ?? ''
    if (failures.length > 0) throw failures[0]
  }
  /**
   * The job `delete-erased-bodies` of each node says why one cannot be deleted, and tries again: content ends
   * all the same.
   */
  const deleteWhatGoes = (): Promise<void> => deleteBodies().catch(() => undefined)
  const endDue = async (isOver: () => boolean): Promise<number> => {
    let erased = 0
    while (!isOver()) {
      const ended = await gently(() => parts.endContents({ now: clock(), limit: BATCH }))
      erased += ended.erased
      if (!ended.more) break
    }
    return erased
  }
  const run = async (signal?: AbortSignal): Promise<number> => {
    const end = performance.now() + RUN_MS
    // Also in the middle of a run: a machine that was copied or asleep goes on with another time.
    const isOver = (): boolean => signal?.aborted === true || performance.now() > end || !q.isTimeProven()
    await deleteWhatGoes()
    // Decisions cover only records that are indexed.
    await maintain()
    while (!isOver() && (await gently(() => parts.prepareEnds())));
    let erased = 0
    let archiving = q.archiver !== undefined
    const archive = async (): Promise<void> => {
      while (!isOver() && (await q.archiver?.next()) === true);
    }
    // Content of a finished archive is erased while the next archives are made.
    const endAll = async (): Promise<void> => {
      for (let again = true; again && !isOver(); ) {
        again = archiving
        erased += await endDue(isOver)
        if (again) await wait(BETWEEN_ARCHIVES_MS)
      }
    }
    try {
      await q.archiver?.complete()
      const archives = archive().finally(() => {
        archiving = false
      })
      const outcomes = await Promise.allSettled([archives, endAll()])
      for (const one of outcomes) if (one.status === 'rejected') throw one.reason
    } finally {
      await q.archiver?.rest()
      if (erased > 0) await deleteWhatGoes()
      // Also while a file cannot be deleted: the next run may erase nothing, and would not know.
      await parts.scrub({ erased: erased > 0 })
    }
    return erased
  }

  const eraseChecked = async (order: ErasureOrder): Promise<{ erased: Erased[]; isScrubbed: boolean }> => {
    const undo: (() => Promise<void>)[] = []
    let isAsked = false
    try {
      for (const check of checks) undo.push((await check(order.index)) ?? (async () => undefined))
      isAsked = true
      return await parts.eraseExchange({ order, now: clock() })
    } catch (thrown) {
      // A commit that failed may have been done: then what an order needs that was carried out stays.
      if (!isAsked || ERASED_NOTHING.has(asFault(thrown).code)) for (const back of undo) await back()
      throw thrown
    }
  }

  return {
    classes: () => parts.retentionClasses(),
    putClass: async (settings) => {
      checkClass(settings)
      await refuseBesideOthers(settings)
      await parts.putRetentionClass(settings)
    },
    assign: async (assignment) => {
      await refuseBesideOthers(assignment)
      await parts.assignRetention(assignment)
    },
    counts: () => parts.retentionCounts(clock()),
    // A run whose claim another node took ends only after its current archive. Until then no other run may
    // start here, because it would write into the same file.
    run: (signal) => inTurn(() => run(signal)),
    deleteBodies,
    beforeOrders: (check) => void checks.push(check),
    erase: async (order) => {
      const { erased, isScrubbed } = await eraseChecked(order)
      // Whoever ordered it must not be told that nothing happened: the content is gone for ever.
      const areDeleted = await deleteBodies().then(
        () => true,
        () => false,
      )
      return { erased, isLeftToDelete: !isScrubbed || !areDeleted }
    },
    setHold: async (hold) => {
      checkScope(hold.scope)
      const { id, tooLate } = await parts.setHold({ ...hold, now: clock() })
      return { ...(await parts.getHold(id)), tooLate }
    },
    liftHold: async (lift) => {
      await parts.liftHold({ ...lift, now: clock() })
      return parts.getHold(lift.id)
    },
    hold: (id) => parts.getHold(id),
    holds: (filter) => parts.listHolds(filter),
    archives: (filter) => parts.listArchives(filter),
    archive: async (asked) => {
      const { archive, hidden } = await parts.getArchive(asked)
      if (hidden > 0)
        throw new Fault('record_is_secret', { what: say`${hidden} of the records of archive ${asked.id}` })
      return archive
    },
    archiveFile: (archive) => openArchive(q.archiveFiles, archive),
  }
}
