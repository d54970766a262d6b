/**
 * Backups that a server makes by itself: the maker, a job that checks whether the daily backup is due, the
 * operations for people, and the age of the newest backup as a metric. The server decides what is in the
 * file.
 */

import { hostname } from 'node:os'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type BackupFolder, openBackupFolder } from './folder.ts'
import { readBackup } from './read-backup.ts'
import { type BackupSummary, backupHandlers, backupSummary } from './routes.ts'
import { isDue, isWell } from './rules.ts'
import { type BackupRow, type BackupRuns, createBackupRuns } from './run-store.ts'
import type { BackupSettings } from './settings.ts'
import type { Written } from './write-backup.ts'

/** `by` is the name of the person who asked; '' for the daily backup. */
type MakeBackup = (by: string) => Promise<BackupRow>

/** Writes the backup file for this moment. */
export type WriteBackupFile = (file: string, at: number) => Promise<Written>

/** The kind of the job that checks whether the daily backup is due. */
export const MAKE_BACKUP = 'make-backup'
export const BACKUP_SECONDS = 60

export type DailyBackups = {
  handlers: Record<string, OperationHandler>
  makeDue(): Promise<void>
  /** For an overview. */
  summary(): Promise<BackupSummary>
  /** The problem with the configured backups; undefined if there is none. */
  wrong(): Promise<string | undefined>
  /**
   * Since when backups are tried, and the newest that was made; undefined without settings, and before the
   * first try.
   */
  newest(): Promise<{ since: string; made: BackupRow | undefined } | undefined>
  /** Whether this node made it, so that its file has to lie in the folder here. */
  isHere(row: Pick<BackupRow, 'node'>): boolean
  /**
   * Reads a backup's file from beginning to end with the secret. Throws `backup_invalid`, also for a file
   * that is another than was made, `not_found` and `io_error`.
   */
  readBack(
    row: Pick<BackupRow, 'name' | 'node' | 'sha256'>,
    secret: string,
    signal?: AbortSignal,
  ): Promise<void>
}

export function openDailyBackups(q: {
  database: Database
  settings: BackupSettings | undefined
  /**
   * The beginning of the file names, so that several servers can share a folder: letters, digits and hyphens.
   */
  prefix: string
  /** The label in metrics. */
  label: string
  write: WriteBackupFile | undefined
  /** False while there is nothing to back up yet. */
  isReady?: () => Promise<boolean>
  audit: Pick<AuditLog, 'before'>
  metrics: Pick<Metrics, 'watch'>
  clock: Clock
  log: Log
}): DailyBackups {
  const { clock, settings, write } = q
  const store = createBackupRuns(q.database)
  const made =
    settings === undefined || write === undefined
      ? undefined
      : { ...settings, ...madeBy(write, store, settings, q) }
  const found = async () => ({ made: await store.newestMade(), newest: await store.newest() })
  if (made !== undefined)
    q.metrics.watch('concordat_backup_age_seconds', 'How old the newest backup is', 'of', async () => {
      const newest = await store.newestMade()
      return newest === undefined ? [] : [[q.label, (clock() - Date.parse(newest.begun_at)) / 1000] as const]
    })
  return {
    handlers: backupHandlers({ store, made, audit: q.audit, clock }),
    summary: () => backupSummary({ store, made, clock }),
    async newest() {
      const oldest = made === undefined ? undefined : await store.oldest()
      return oldest && { since: oldest.begun_at, made: await store.newestMade() }
    },
    isHere: ({ node }) => node === hostname(),
    async readBack({ name, node, sha256 }, secret, signal) {
      if (made === undefined) throw new Fault('not_found', { what: name })
      const read = await readBackup({ file: await made.folder.find(name, node), secret, signal }, drain)
      if (read.sha256 !== sha256)
        throw new Fault('backup_invalid', { what: say`it is not the file that was made` })
    },
    async makeDue() {
      if (made === undefined || (await q.isReady?.()) === false) return
      // A failed backup is in the table and in the log; the job itself has done its work.
      if (isDue({ now: clock(), hour: made.hour, ...(await found()) }))
        await made.make('').catch(() => undefined)
    },
    async wrong() {
      if (made === undefined) return undefined
      const runs = await found()
      if (runs.newest === undefined || isWell({ now: clock(), ...runs })) return undefined
      return runs.made === undefined
        ? 'no backup was made yet'
        : `the newest backup is of ${runs.made.begun_at}`
    },
  }
}

/** Entries are read to their end and kept nowhere. */
async function drain(_name: string, content: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of content);
}

function madeBy(
  write: WriteBackupFile,
  store: BackupRuns,
  { directory, keep }: BackupSettings,
  q: { prefix: string; clock: Clock; log: Log },
): { folder: BackupFolder; make: MakeBackup } {
  const { clock, log } = q
  const folder = openBackupFolder(directory, q.prefix)
  const inTurn = createTurn()
  const now = (): string => new Date(clock()).toISOString()

  const makeOne = async (id: number, file: string, at: number): Promise<void> => {
    const { bytes, sha256, manifest } = await write(file, at)
    const index = manifest.facts['configurationIndex']
    const configuration_index = index === undefined ? null : Number(index)
    await store.end(id, { ended_at: now(), state: 'made', bytes, sha256, configuration_index })
    log.info({ file, bytes, sha256, index }, 'a backup was made')
    // The backup is made all the same; the next one tries again.
    await folder
      .prune(keep, clock())
      .catch((err: unknown) => log.error({ err, directory }, 'old backups were not all deleted'))
  }
  const make: MakeBackup = (by) =>
    inTurn(async () => {
      const at = clock()
      const name = folder.nameFor(at)
      const row = { name, node: hostname(), by, begun_at: new Date(at).toISOString() }
      const id = await store.begin(row)
      try {
        await makeOne(id, await folder.fileFor(name), at)
      } catch (thrown) {
        const fault = asFault(thrown)
        log.error({ err: thrown, detail: fault.detail, name }, 'a backup failed')
        const failure = say`${fault.message} Detail: ${fault.detail}`.toString()
        // If the database is down, both calls fail; the failure is in the log.
        await store.end(id, { ended_at: now(), state: 'failed', failure }).catch(() => undefined)
        throw fault
      }
      return store.find(id)
    })
  return { folder, make }
}
