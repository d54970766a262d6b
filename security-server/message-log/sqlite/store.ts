/**
 * The writer of the embedded store: one prepared statement per table, one commit per group, synchronous=FULL.
 * An exclusive lock on a file next to the database keeps a second writer out; the operating system releases
 * it however this process ends.
 */
import { closeSync, openSync, statSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { lockFile } from '#platform/database/lock-file.ts'
import { Fault } from '#schemas/fault.ts'
import { decodePeaks, encodePeaks, type Head, type HotStore, type Placement } from '../hot-store.ts'
import { neededHere, REPLAY_WINDOW_MS } from '../replay-keys/replay-times.ts'
import { createSteadyTime } from '../replay-keys/steady-time.ts'
import type { KeptWatch } from '../replay-keys/steady-watch.ts'
import { createReplayWindow, PRINT_LENGTH, printOf, type ReplayWindow } from './replay-window.ts'

const PAGE = 8192
const CHECKPOINT_PAGES = 2048
const BUSY_MS = 2000
const FORGET_AT_ONCE = 2000
const SQLITE_FULL = 13

type Statements = Record<
  'begin' | 'commit' | 'head' | 'moveHead' | 'record' | 'key' | 'document' | 'replay' | 'bodyFile',
  StatementSync
>

/**
 * Makes the file when it is absent (its folder must exist) and sets what must be set before the first table.
 * Throws `conflict` when another process writes this log, `invalid_configuration` for a relative path,
 * `logging_failed`.
 */
export function prepareFile(file: string): { unlock(): void } {
  if (!path.isAbsolute(file)) throw new Fault('invalid_configuration', { what: `${file} is not absolute` })
  const unlock = lockFile(`${file}.lock`, 'another process writes this message log')
  try {
    closeSync(openSync(file, 'a', 0o600))
    const database = new DatabaseSync(file, { timeout: BUSY_MS })
    database.exec(`pragma page_size = ${PAGE}; pragma journal_mode = WAL`)
    database.close()
  } catch (cause) {
    unlock()
    throw new Fault('logging_failed', { what: `${file} cannot be opened`, cause })
  }
  return { unlock }
}

/** Opens the writer; the tables must exist. */
export function openSqliteStore(q: { file: string; watch?: KeptWatch }): HotStore {
  let database: DatabaseSync | undefined
  let statements: Statements | undefined
  // Only this process moves the head, so it is read once; every failure drops it.
  let known: Head | undefined
  const replay: ReplayWindow = createReplayWindow(REPLAY_WINDOW_MS)
  // After a leap that lasted longer than this, only messages under way need older keys, and these hold them.
  const steadyTime = createSteadyTime(3 * REPLAY_WINDOW_MS, q.watch)
  const inode = statSync(`${q.file}.lock`).ino

  const reopen = (): Statements => {
    if (statSync(`${q.file}.lock`).ino !== inode) throw new Error('the lock file was replaced')
    database?.close()
    statements = undefined
    database = new DatabaseSync(q.file, { timeout: BUSY_MS })
    database.exec(
      `pragma synchronous = FULL; pragma secure_delete = ON; pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
    )
    // After a failed fsync the operating system may treat pages as clean that never reached the disk. Copying
    // the write-ahead log into the database writes and syncs them again, or fails; then nothing is
    // acknowledged.
    database.exec('pragma wal_checkpoint(TRUNCATE)')
    statements = prepare(database)
    return statements
  }

  const transaction = <T>(act: (prepared: Statements) => T, undone?: () => void): T => {
    let isCommitting = false
    try {
      const prepared = statements ?? reopen()
      prepared.begin.run()
      const result = act(prepared)
      isCommitting = true
      prepared.commit.run()
      return result
    } catch (cause) {
      abandon()
      // A commit that finds the disk full has not written its last page, without which a restart ignores the
      // others. One that fails otherwise, for instance in the sync, may be done.
      if (!isCommitting || (cause as { errcode?: unknown }).errcode === SQLITE_FULL) undone?.()
      if (cause instanceof Fault) throw cause
      throw new Fault('logging_failed', { what: 'the message log cannot be written', cause })
    }
  }
  const abandon = (): void => {
    statements = undefined
    known = undefined
    try {
      if (database?.isTransaction) database.exec('rollback')
    } catch {
      // The connection is closed before its next use, which ends the transaction too.
    }
  }

  reopen()
  readReplayKeys(database!, replay)

  return {
    commit: async ({ replayKeys, place, undone }) => {
      const taken = new Set<number>()
      const added: Buffer[] = []
      let newest = 0
      for (const { position, key, time } of replayKeys) {
        const print = printOf(key)
        if (replay.has(print, 0)) taken.add(position)
        else {
          replay.add(print, 0, time)
          added.push(print)
          newest = Math.max(newest, time)
        }
      }
      let placement: Placement | undefined
      try {
        transaction((prepared) => {
          const head = known ?? readHead(prepared)
          placement = place(head, taken)
          if (added.length > 0) prepared.replay.run(newest, Buffer.concat(added))
          write(database!, prepared, head, placement)
        }, undone)
        known = placement!.head
      } catch (fault) {
        for (const print of added) replay.remove(print, 0)
        throw fault
      }
    },
    taken: async (replayKeys) => {
      const seen = new Set<string>()
      const taken = new Set<number>()
      for (const { position, key } of replayKeys) {
        const print = printOf(key)
        const name = print.toString('latin1')
        if (seen.has(name) || replay.has(print, 0)) taken.add(position)
        seen.add(name)
      }
      return taken
    },
    head: async () => transaction(readHead),
    forgetReplayKeys: async ({ oldestArrival, ...at }) => {
      const now = steadyTime(at)
      if (now === undefined) return 0
      // The window and the disk drop the same keys: a key that stays in the window in spite of a wrong clock
      // must be there after a restart too.
      const before = replay.forget(neededHere(now, oldestArrival))
      return transaction(() =>
        Number(
          database!
            .prepare(
              'delete from replay_key where rowid in (select rowid from replay_key order by rowid limit ?) and time < ?',
            )
            .run(FORGET_AT_ONCE, before).changes,
        ),
      )
    },
    makeRoom: async () => undefined,
    scrub: async () => scrub(database),
    close: async () => database?.close(),
  }
}

/**
 * Copies the write-ahead log into the database. Returns false, without waiting, while a reader uses an
 * earlier state of the log: no exchange must wait for that reader.
 */
function scrub(database: DatabaseSync | undefined): boolean {
  if (database === undefined) return false
  database.exec('pragma busy_timeout = 0')
  try {
    return database.prepare('pragma wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0
  } finally {
    database.exec(`pragma busy_timeout = ${BUSY_MS}`)
  }
}

function prepare(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('begin immediate'),
    commit: database.prepare('commit'),
    head: database.prepare('select size, peaks from tree_head where id = 1'),
    moveHead: database.prepare('update tree_head set size = ?, peaks = ? where id = 1 and size = ?'),
    record: database.prepare(
      'insert into record (idx, leaf, form, signature_id, content) values (?, ?, ?, ?, ?)',
    ),
    key: database.prepare('insert into record_key (idx, seed) values (?, ?)'),
    document: database.prepare(
      'insert into signature_document (id, digest, base, document) values (?, ?, ?, ?)',
    ),
    replay: database.prepare('insert into replay_key (time, prints) values (?, ?)'),
    bodyFile: database.prepare('insert into body_file (name, idx) values (?, ?)'),
  }
}

/**
 * Reads all stored keys, whatever the clock says now: it may be wrong. Throws `log_inconsistent` for a row
 * that the writer cannot have written: the keys lost with it could be repeated.
 */
function readReplayKeys(database: DatabaseSync, replay: ReplayWindow): void {
  const rows = database.prepare('select time, prints from replay_key order by time')
  rows.setReturnArrays(true)
  for (const row of rows.iterate() as Iterable<unknown>) {
    const [time, prints] = row as [unknown, unknown]
    if (!Number.isSafeInteger(time) || !(prints instanceof Uint8Array) || !isWhole(prints)) {
      throw new Fault('log_inconsistent', { what: 'a row of replay_key is damaged' })
    }
    for (let at = 0; at < prints.length; at += PRINT_LENGTH) replay.add(prints, at, time as number)
  }
}

function isWhole(prints: Uint8Array): boolean {
  return prints.length > 0 && prints.length % PRINT_LENGTH === 0
}

function readHead(prepared: Statements): Head {
  const row = prepared.head.get()
  if (row === undefined) throw new Fault('log_inconsistent', { what: 'the tree head is missing' })
  return { size: row['size'] as number, peaks: decodePeaks(row['peaks'] as Uint8Array) }
}

function write(database: DatabaseSync, prepared: Statements, before: Head, placement: Placement): void {
  for (const row of placement.records) {
    prepared.record.run(row.idx, row.leaf, row.form, row.signatureId, row.content)
    prepared.key.run(row.idx, row.seed)
  }
  for (const row of placement.documents) prepared.document.run(row.id, row.digest, row.base, row.document)
  for (const row of placement.bodyFiles) prepared.bodyFile.run(row.name, row.idx)
  for (const { text, values } of placement.statements) database.prepare(text).run(...values)
  const { head } = placement
  const { changes } = prepared.moveHead.run(head.size, encodePeaks(head.peaks), before.size)
  if (changes !== 1) throw new Error('the tree head moved under the lock')
}
