/** The part of the log's thread that serves retention. Acts that erase run in the writer's turn. */
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Erased, Erasure } from '../../message-log/erasure/erase.ts'
import type { LogPart, PartGround } from '../../message-log/part.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import { type FilesToDelete, filesToDelete } from '../../message-log/segments/files-to-delete.ts'
import { type NextArchive, nextArchive } from './archives/next-archive.ts'
import type { ArchiveFilter, NewArchive, StoredArchive } from './archives/store.ts'
import type { ClassSettings, RetentionClass } from './classes.ts'
import { decideEnds } from './decide-ends.ts'
import { type Ended, endContents } from './end-contents.ts'
import { endedLog } from './ended-log.ts'
import { type ErasureOrder, eraseExchange } from './erase-exchange.ts'
import type { HoldScope } from './holds/scope.ts'
import { setHold } from './holds/set-hold.ts'
import type { Hold, HoldFilter } from './holds/store.ts'
import { retentionMigrations } from './migrations.ts'

export type RetentionCounts = { due: number; held: number; nextEnd: string | null }

/** The methods that the main thread may call. */
export type RetentionMethods = {
  retentionClasses(): Promise<{
    classes: RetentionClass[]
    assignments: { service: string; class: string }[]
  }>
  putRetentionClass(q: ClassSettings & { applyToExisting: boolean }): Promise<void>
  assignRetention(q: { service: string; class: string; applyToExisting: boolean }): Promise<void>
  retentionCounts(now: number): Promise<RetentionCounts>
  /**
   * One slice of preparation: releases records of lifted holds, or else decides when contents end. Returns
   * whether there is more to do.
   */
  prepareEnds(): Promise<boolean>
  /** Erases one batch. */
  endContents(q: { now: number; limit: number }): Promise<Ended>
  /** `isScrubbed`: no copy of the keys is left in the write-ahead log. Otherwise `scrub` tries again. */
  eraseExchange(q: { order: ErasureOrder; now: number }): Promise<{ erased: Erased[]; isScrubbed: boolean }>
  /**
   * Bodies whose records were erased and that may still be on a disk: those whose names come after `after`,
   * and up to which the answer tells, unless it has all the rest. `isOnlyNode`: a file that is not here is
   * nowhere. `begun`: the files that one of the nodes `own` has begun to delete.
   */
  erasedBodyFiles(q: {
    after: string
    limit: number
    own: readonly string[]
  }): Promise<FilesToDelete & { isOnlyNode: boolean; begun: ReadonlySet<string>; upTo: string | undefined }>
  /** Before files are deleted: without it, a node that is killed then does not know that it had them. */
  beginBodyFiles(q: { files: string[]; node: string }): Promise<void>
  forgetBodyFiles(names: string[]): Promise<void>
  /** Before a segment of another node is deleted: whether no record refers to it, nor ever will. */
  giveUpSegment(segment: string): Promise<boolean>
  /**
   * Removes copies of deleted rows from the write-ahead log of the embedded store: after erasures (`erased`),
   * and when an earlier attempt failed.
   */
  scrub(q: { erased: boolean }): Promise<void>
  setHold(q: {
    caseNumber: string
    reason: string
    scope: HoldScope
    setBy: string
    now: number
  }): Promise<{ id: number; tooLate: number[] }>
  liftHold(q: { id: number; liftedBy: string; reason: string; now: number }): Promise<void>
  listHolds(filter: HoldFilter): Promise<Hold[]>
  getHold(id: number): Promise<Hold>
  /** The records of the next archive. `again`: ask once more. `wait`: nothing can be archived now. */
  nextArchive(q: { now: number; limit: number }): Promise<NextArchive | 'again' | 'wait'>
  pendingArchives(): Promise<StoredArchive[]>
  beginArchive(archive: NewArchive): Promise<number>
  finishArchive(q: { id: number; records: number[] }): Promise<void>
  /**
   * Both at once for an archive in the database. False: content was erased meanwhile, and nothing is changed.
   */
  keepArchive(archive: NewArchive & { stored: string }): Promise<boolean>
  abandonArchive(id: number): Promise<void>
  listArchives(filter: ArchiveFilter): Promise<StoredArchive[]>
  /** The archive, and how many of its records the reader may not see. Throws `not_found`. */
  getArchive(q: { id: number; clearance: Clearance }): Promise<{ archive: StoredArchive; hidden: number }>
}

const RELEASED_AT_ONCE = 500

export const retentionPart: LogPart<RetentionMethods> = {
  migrations: retentionMigrations,
  open: (ground) => ({
    methods: methodsOf(ground),
    erased: ({ idx }) => [{ text: 'delete from retention where idx = ?', values: [idx] }],
  }),
}

function methodsOf({ ring, inTurn, catchUp, ...ground }: PartGround): RetentionMethods {
  const log = endedLog(ground.log)
  const { retention, holds, records, archives, search } = log
  const iso = (now: number): string => new Date(now).toISOString()
  const eraseAt =
    (now: number) =>
    (erasures: Erasure[], holds: number): Promise<Erased[]> =>
      ground.erase({ erasures, holds, now })
  // Nor is it known what a process that was killed had left.
  let isScrubbed = false
  const scrub = async (): Promise<void> => {
    isScrubbed = false
    isScrubbed = await ground.scrub()
  }
  return {
    retentionClasses: async () => ({
      classes: await retention.classes(),
      assignments: await retention.assignments(),
    }),
    putRetentionClass: (settings) => inTurn(() => retention.putClass(settings)),
    assignRetention: (assignment) => inTurn(() => retention.assign(assignment)),
    retentionCounts: (now) => retention.counts(iso(now)),
    prepareEnds: () =>
      inTurn(async () => {
        if ((await retention.release(RELEASED_AT_ONCE)) > 0) return true
        return decideEnds(log)
      }),
    endContents: ({ now, limit }) => inTurn(() => endContents({ log, now, limit, erase: eraseAt(now) })),
    eraseExchange: ({ order, now }) =>
      inTurn(async () => {
        // The erasure needs the whole exchange in the index. A record that is indexed only after its erasure,
        // from memory, would be found again.
        await catchUp()
        const erased = await eraseExchange({
          ...{ order, now, log, settled: ground.settled },
          ...{ findKey: ring.find, erase: eraseAt(now) },
        })
        // It is done, whatever becomes of the copies.
        await scrub().catch((thrown: unknown) => asFault(thrown))
        return { erased, isScrubbed }
      }),
    erasedBodyFiles: ({ after, limit, own }) =>
      inTurn(async () => {
        const rows = await records.erasedBodyFiles(after, limit)
        const names = rows.map(({ name }) => name)
        const found = await filesToDelete(names, { records, ...ground })
        const upTo = names.length < limit ? undefined : names.at(-1)
        const ours = new Set(rows.filter(({ begunBy }) => own.includes(begunBy)).map(({ name }) => name))
        const begun = found.files.filter((one) => one.names.some((name) => ours.has(name)))
        return {
          ...found,
          begun: new Set(begun.map(({ file }) => file)),
          ...{ isOnlyNode: ground.log.database.dialect === 'sqlite', upTo },
        }
      }),
    beginBodyFiles: ({ files, node }) => inTurn(() => records.beginBodyFiles(files, node)),
    forgetBodyFiles: (names) => inTurn(() => records.forgetBodyFiles(names)),
    giveUpSegment: (segment) => records.giveUpSegment(segment),
    scrub: ({ erased }) =>
      inTurn(async () => {
        if (erased || !isScrubbed) await scrub()
      }),
    setHold: ({ now, ...hold }) =>
      inTurn(() => setHold({ ...hold, setAt: iso(now) }, { settled: ground.settled, holds })),
    liftHold: ({ now, ...lift }) => inTurn(() => holds.lift({ ...lift, liftedAt: iso(now) })),
    listHolds: (filter) => holds.list(filter),
    getHold: (id) => holds.get(id),
    nextArchive: (of) => inTurn(() => nextArchive(log, of)),
    pendingArchives: () => archives.pending(),
    beginArchive: (archive) => inTurn(() => archives.begin(archive)),
    finishArchive: ({ id, records: of }) => inTurn(() => archives.finish(id, of)),
    keepArchive: (archive) => inTurn(() => archives.keep(archive)),
    abandonArchive: (id) => inTurn(() => archives.abandon(id)),
    listArchives: (filter) => archives.list(filter),
    getArchive: async ({ id, clearance }) => {
      const archive = await archives.find(id)
      if (archive === undefined) throw new Fault('not_found', { what: say`archive ${id}` })
      const held = new Set(archive.records)
      const [first, last] = [Math.min(...held), Math.max(...held)]
      const secret = await search.secretRecords({ first, last, clearance })
      return { archive, hidden: secret.filter((index) => held.has(index)).length }
    },
  }
}
