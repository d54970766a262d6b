/**
 * Makes the ordered exports. It reads the log in steps, appends the matching rows to a file and stores its
 * position after each step. A run that was killed continues at the last stored position: where files are in
 * the database on any node, otherwise on its own.
 */
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database, Within } from '#platform/database/open-database.ts'
import { createStoredFileStore } from '#platform/stored-files/store.ts'
import { createStoredFiles, type Sealing, type StoredFiles } from '#platform/stored-files/stored-files.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import type { LogReads } from '../../reading/log-reads.ts'
import { type KeptFilter, recordFilter, rowView } from '../../reading/record-filter.ts'
import { leaveOutErased, type ShownExport } from './leave-out-erased.ts'
import { beginStored, type ExportLines, type LineStore, openLineFolder, storedLines } from './lines.ts'
import { createExportStore, type ExportRow, type ExportStore } from './store.ts'

export type RecordExports = {
  store: ExportStore
  /**
   * The kinds of the jobs that make exports here: those of this node's folder, and those that any node makes.
   */
  jobKinds: string[]
  /**
   * Where the file of a new export will be, and which job makes it; `begin` is part of the transaction that
   * adds its row.
   */
  placeFor(id: string): {
    node: string
    stored: string | null
    jobKind: string
    begin(within: Within): Promise<void>
  }
  /**
   * Makes the export or continues it. Does nothing if the export was deleted or has ended. A search with too
   * many records ends the export as failed. Any other fault is thrown, so that the job tries again.
   */
  run(id: string, signal: AbortSignal): Promise<void>
  /**
   * The export's records, one JSON object a line. Throws `conflict` when another node made the file and it is
   * not in the folder here, `not_found` and `stored_file_damaged`.
   */
  open(row: ExportRow): Promise<ExportLines>
  /** What may be shown of it now. */
  leaveOutErased(q: { row: ExportRow; lines: ExportLines }): Promise<ShownExport>
  delete(row: ExportRow): Promise<void>
  /** Deletes exports of all nodes whose time is over, and files without a row. */
  expire(): Promise<void>
  /** Ends what a node that is gone for good has begun in a folder of its own: nobody goes on with it. */
  endOf(gone: string): Promise<void>
  /** Brings those in the database under the newest cluster key; undefined where this node has none. */
  sealAnew: StoredFiles['sealAnew'] | undefined
}

/** The most records of an export. A search with more must be narrowed. */
const MAX_RECORDS = 1_000_000
const MAX_BUNDLED_RECORDS = 1000
/** Each round reads only what was logged during the round before, so few are needed. */
const MAX_ROUNDS = 20
/** Of exports whose file is in the database. */
const SHARED_KIND = 'export-records'

type ExportLog = Pick<MessageLog, 'size' | 'maintain' | 'checkpointNow' | 'erasedBelow' | 'leavesAmong'> &
  Pick<LogReads, 'window'>

export async function createExports(q: {
  database: Database
  messageLog: ExportLog
  /** Must contain nothing but exports. Is created if missing. */
  directory: string
  /** For files in the database; `isUsed`: new ones go there. */
  inDatabase?: { sealing: Sealing; isUsed: boolean } | undefined
  node: string
  /** Names that this node had before: it goes on with what they began. */
  formerNodes?: readonly string[]
  clock: Clock
}): Promise<RecordExports> {
  const { messageLog, clock, node, inDatabase } = q
  const store = createExportStore(q.database)
  const folder = await openLineFolder(q.directory)
  const files =
    inDatabase && createStoredFiles({ ...inDatabase.sealing, store: createStoredFileStore(q.database) })
  /** Undefined when they are in the database and this node has no keys for them. */
  const linesOf = ({ id, stored }: Pick<ExportRow, 'id' | 'stored'>): LineStore | undefined =>
    stored === null ? folder.of(id) : files && storedLines(stored, { files, store })
  const elsewhere = (row: ExportRow, cause?: unknown): Fault =>
    new Fault('conflict', { what: say`the file lies on the node ${row.node}`, cause })
  const mustHave = (row: ExportRow): LineStore => {
    const lines = linesOf(row)
    if (lines === undefined) throw elsewhere(row)
    return lines
  }

  /** Two runs of one export, after a job's claim has expired, do not go on side by side. */
  const advance = async (...q: Parameters<ExportStore['advance']>): Promise<void> => {
    if (!(await store.advance(...q))) throw isLost(q[0])
  }

  const begin = async (row: ExportRow): Promise<ExportRow> => {
    const size = Number(row.size) > 0 ? Number(row.size) : messageLog.size()
    if (size === 0) throw new Fault('not_found', { what: say`there is no record yet` })
    const run = { run_at: new Date(clock()).toISOString(), run_from: Number(row.next_idx) }
    const begun = { state: 'running', size, ...run }
    if (!(await store.update(row.id, begun))) throw isLost(row.id)
    return { ...row, ...begun }
  }

  /**
   * The export covers exactly the records below one signed tree head, which is made at the end. An erasure
   * may remove a record from the search before it was read. Then the record of this erasure is also below the
   * tree head, so nobody can think that the export left the record out.
   */
  const finish = async (
    lookTo: (size: number) => Promise<void>,
  ): Promise<{ checkpoint: string; size: number; erased: number }> => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const before = await messageLog.erasedBelow(Number.MAX_SAFE_INTEGER)
      const checkpoint = (await messageLog.checkpointNow())!
      const { size } = parseCheckpoint(checkpoint)
      await lookTo(size)
      if ((await messageLog.erasedBelow(Number.MAX_SAFE_INTEGER)) === before)
        return { checkpoint, size, erased: await messageLog.erasedBelow(size) }
    }
    throw new Fault('conflict', { what: say`contents are being erased just now: it is tried again` })
  }

  const walk = async (row: ExportRow, signal: AbortSignal): Promise<void> => {
    const { id } = row
    const most = row.format === 'bundles' ? MAX_BUNDLED_RECORDS : MAX_RECORDS
    const clearance = Number(row.clearance) as Clearance
    const filter = { ...recordFilter(JSON.parse(row.filter) as KeptFilter), clearance }
    let [next, records, bytes] = [Number(row.next_idx), Number(row.records), Number(row.bytes)]
    const file = await mustHave(row).grow(bytes)
    const lookTo = async (size: number): Promise<void> => {
      await messageLog.maintain()
      while (next < size) {
        signal.throwIfAborted()
        const { rows, last } = await messageLog.window({ filter, after: next - 1, size })
        records += rows.length
        if (records > most) {
          throw new Fault('invalid_input', {
            what: say`more than ${most} records fit: narrow the search, by time for example`,
          })
        }
        const lines = Buffer.from(rows.map((each) => `${JSON.stringify(rowView(each))}\n`).join(''))
        const facts = { next_idx: last + 1, records, bytes: bytes + lines.length, error: null }
        await file.add(bytes, lines, (within) => advance(id, next, facts, within))
        bytes += lines.length
        next = last + 1
      }
    }
    try {
      await lookTo(Number(row.size))
      const facts = { ...(await finish(lookTo)), state: 'done', ended_at: new Date(clock()).toISOString() }
      await file.end(bytes, (within) => advance(id, next, facts, within))
    } finally {
      await file.close()
    }
  }

  const kindOf = (maker: string): string => `export-records ${maker}`
  const ownKind = kindOf(node)
  // Runs of this process. A run does not stop at once when its job's claim expires, and without this check
  // two runs would write into one file.
  const running = new Set<string>()
  const make = async (row: ExportRow, signal: AbortSignal): Promise<void> => {
    if (running.has(row.id)) throw new Fault('conflict', { what: say`export ${row.id} is being made` })
    running.add(row.id)
    try {
      await walk(await begin(row), signal)
    } finally {
      running.delete(row.id)
    }
  }

  return {
    store,
    jobKinds: [ownKind, ...(q.formerNodes ?? []).map(kindOf), ...(files === undefined ? [] : [SHARED_KIND])],
    placeFor(id) {
      const isStored = files !== undefined && inDatabase?.isUsed === true
      const stored = isStored ? id : null
      return {
        ...{ node, stored, jobKind: isStored ? SHARED_KIND : ownKind },
        begin: isStored ? beginStored({ stored }, files) : async () => undefined,
      }
    },
    run: async (id, signal) => {
      const row = await store.get(id)
      if (row === undefined || row.state === 'done' || row.state === 'failed') return
      try {
        await make(row, signal)
      } catch (thrown) {
        const fault = asFault(thrown)
        if ((await store.get(id)) === undefined) return await linesOf(row)?.delete()
        const isFinal = fault.code === 'invalid_input'
        const ended_at = new Date(clock()).toISOString()
        await store.update(id, { error: fault.message, ...(isFinal ? { state: 'failed', ended_at } : {}) })
        if (isFinal) return await linesOf(row)?.delete()
        throw thrown
      }
    },
    open: async (row) => {
      try {
        return await mustHave(row).open()
      } catch (thrown) {
        // The folder of several nodes may be one: only what is not in it lies elsewhere.
        const isMissing = row.stored === null && row.node !== node && asFault(thrown).code === 'not_found'
        throw isMissing ? elsewhere(row, thrown) : thrown
      }
    },
    leaveOutErased: (q) => leaveOutErased(q, messageLog),
    delete: async (row) => {
      await store.delete(row.id)
      // In a folder that this node does not have the file stays; `expire` deletes it there, because it has no
      // row.
      await linesOf(row)?.delete()
    },
    endOf: async (gone) => {
      const { message } = new Fault('conflict', {
        what: say`the node ${gone}, which made it, has left: order it anew`,
      })
      await store.endOf(gone, { error: message, ended_at: new Date(clock()).toISOString() })
    },
    sealAnew: files?.sealAnew,
    expire: async () => {
      // Lists the files before the rows, so that an export that is ordered meanwhile keeps its file.
      const here = await folder.ids()
      const kept = new Set<string>()
      const now = new Date(clock()).toISOString()
      for (const row of await store.all()) {
        if (row.expires_at > now) kept.add(row.id)
        // Also of a node that is gone for good. One that comes back deletes the file in its folder, because
        // it has no row.
        else await store.delete(row.id)
      }
      for (const id of here) if (!kept.has(id)) await folder.of(id).delete()
      if (files === undefined) return
      for (const id of await store.unmeant()) await files.remove(id)
    },
  }
}

function isLost(id: string): Fault {
  return new Fault('conflict', { what: say`the export ${id} has ended, or another run goes on with it` })
}
