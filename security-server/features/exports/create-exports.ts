/**
 * Makes the ordered exports. It reads the log in steps, appends the matching rows to a file and stores its position after each
 * step. A run that was killed continues at the last stored position: it first cuts off everything that was written after it.
 */
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import type { LogReads } from '../../reading/log-reads.ts'
import { type KeptFilter, recordFilter, rowView } from '../../reading/record-filter.ts'
import { createExportStore, type ExportRow, type ExportStore } from './store.ts'

export type RecordExports = {
  store: ExportStore
  /** The kind of the job that makes exports on this node. */
  jobKind: string
  node: string
  /**
   * Makes the export or continues it. Does nothing if the export was deleted or has ended. A search with too many records ends
   * the export as failed. Any other fault is thrown, so that the job tries again.
   */
  run(id: string, signal: AbortSignal): Promise<void>
  /** The file of the export's records, one JSON object a line. Throws `conflict` when the file is on another node. */
  fileOf(row: ExportRow): string
  delete(row: ExportRow): Promise<void>
  /** Deletes exports whose time is over, and files without a row. */
  expire(): Promise<void>
}

/** The most records of an export. A search with more must be narrowed. */
const MAX_RECORDS = 1_000_000
const MAX_BUNDLED_RECORDS = 1000
/** Each round reads only what was logged during the round before, so few are needed. */
const MAX_ROUNDS = 20

type ExportLog = Pick<MessageLog, 'size' | 'maintain' | 'checkpointNow' | 'erasedBelow'> &
  Pick<LogReads, 'window'>

export async function createExports(q: {
  database: Database
  messageLog: ExportLog
  /** Must contain nothing but exports. Is created if missing. */
  directory: string
  node: string
  clock: Clock
}): Promise<RecordExports> {
  const { messageLog, clock, node } = q
  const store = createExportStore(q.database)
  await mkdir(q.directory, { recursive: true, mode: 0o700 })
  const pathOf = (id: string): string => path.join(q.directory, `${id}.jsonl`)

  const note = async (id: string, facts: Partial<ExportRow>): Promise<void> => {
    if (!(await store.update(id, facts))) throw new Fault('not_found', { what: say`export ${id}` })
  }

  const begin = async (row: ExportRow): Promise<ExportRow> => {
    const size = Number(row.size) > 0 ? Number(row.size) : messageLog.size()
    if (size === 0) throw new Fault('not_found', { what: say`there is no record yet` })
    const run = { run_at: new Date(clock()).toISOString(), run_from: Number(row.next_idx) }
    const begun = { state: 'running', size, ...run }
    await note(row.id, begun)
    return { ...row, ...begun }
  }

  /**
   * The export covers exactly the records below one signed tree head, which is made at the end. An erasure may remove a record
   * from the search before it was read. Then the record of this erasure is also below the tree head, so nobody can think that the
   * export left the record out.
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
    const file = await open(pathOf(id), 'a', 0o600)
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
        if (rows.length > 0) {
          const lines = Buffer.from(rows.map((each) => `${JSON.stringify(rowView(each))}\n`).join(''))
          await file.appendFile(lines)
          await file.datasync()
          bytes += lines.length
        }
        next = last + 1
        await note(id, { next_idx: next, records, bytes, error: null })
      }
    }
    let covers: { checkpoint: string; size: number; erased: number }
    try {
      await file.truncate(bytes)
      await lookTo(Number(row.size))
      covers = await finish(lookTo)
      await file.sync()
    } finally {
      await file.close()
    }
    await note(id, { ...covers, state: 'done', ended_at: new Date(clock()).toISOString() })
  }

  const remove = async (id: string): Promise<void> => rm(pathOf(id), { force: true })

  // Runs of this process. A run does not stop at once when its job's claim expires, and without this check two runs would write
  // into one file.
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
    jobKind: `export-records ${node}`,
    node,
    run: async (id, signal) => {
      const row = await store.get(id)
      if (row === undefined || row.state === 'done' || row.state === 'failed') return
      try {
        await make(row, signal)
      } catch (thrown) {
        const fault = asFault(thrown)
        if ((await store.get(id)) === undefined) return await remove(id)
        const isFinal = fault.code === 'invalid_input'
        const ended_at = new Date(clock()).toISOString()
        await store.update(id, { error: fault.message, ...(isFinal ? { state: 'failed', ended_at } : {}) })
        if (isFinal) return await remove(id)
        throw thrown
      }
    },
    fileOf: (row) => {
      if (row.node !== node) throw new Fault('conflict', { what: say`the file lies on the node ${row.node}` })
      return pathOf(row.id)
    },
    delete: async (row) => {
      await store.delete(row.id)
      // On another node the file stays; `expire` deletes it there, because it has no row.
      if (row.node === node) await remove(row.id)
    },
    expire: async () => {
      // Lists the files before the rows, so that an export that is ordered meanwhile keeps its file.
      const files = await readdir(q.directory)
      const kept = new Set<string>()
      const now = new Date(clock()).toISOString()
      for (const row of await store.ofNode(node)) {
        if (row.expires_at > now) kept.add(`${row.id}.jsonl`)
        else await store.delete(row.id)
      }
      for (const file of files) if (!kept.has(file)) await rm(path.join(q.directory, file), { force: true })
    },
  }
}
