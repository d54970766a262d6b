/** Handlers of the operations on backups. */
import { open } from 'node:fs/promises'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Page } from '#platform/database/lists.ts'
import { answer } from '#platform/http-service/answer.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { kept, say } from '#schemas/said.ts'
import type { BackupFolder } from './folder.ts'
import { isWell, outcomeOf } from './rules.ts'
import type { BackupRow, BackupRuns } from './run-store.ts'

type BackupRooms = {
  store: BackupRuns
  /** Undefined if the settings have no backups. */
  made?:
    | {
        /** `by` is the name of the person who asks. */
        make(by: string): Promise<BackupRow>
        folder: BackupFolder
        hour: number
        keep: number
      }
    | undefined
  audit: Pick<AuditLog, 'before'>
  clock: Clock
}

export type BackupSummary = Awaited<ReturnType<typeof backupSummary>>

/** The summary for the overview and the page of backups. */
export async function backupSummary({ store, made, clock }: Omit<BackupRooms, 'audit'>) {
  if (made === undefined) return { isConfigured: false }
  const found = { made: await store.newestMade(), newest: await store.newest() }
  const { hour, keep } = made
  const failed = found.newest === undefined ? undefined : outcomeOf(found.newest, clock())
  return {
    ...{ isConfigured: true, hour, keep, isWell: isWell({ now: clock(), ...found }) },
    ...(found.made === undefined ? {} : { newestAt: found.made.begun_at }),
    ...(failed?.state === 'failed' ? { failure: kept(failed.failure) } : {}),
  }
}

export function backupHandlers(q: BackupRooms): Record<string, OperationHandler> {
  const { store, clock } = q
  const must = (): NonNullable<BackupRooms['made']> => {
    if (q.made !== undefined) return q.made
    throw new Fault('conflict', {
      what: say`the settings have no \`backups\`: name directory and key file, and start again (docs/backups.md)`,
    })
  }
  return {
    getBackupState: () => backupSummary(q),
    getBackups: async ({ query }) => {
      const page = query as Page & { state?: BackupRow['state'] }
      const rows = await store.list(page)
      return listAnswer(
        rows.map((row) => described(row, clock())),
        page,
        () => store.count(page),
      )
    },
    makeBackup: async ({ caller }) => described(await must().make(caller.name), clock()),
    downloadBackup: async ({ params, caller }) => {
      const { folder } = must()
      const { name, node } = await store.find(Number(params['id']))
      const file = await folder.find(name, node)
      const target = `/api/v1/backups/${params['id']}/file`
      await q.audit.before({ caller, operation: 'downloadBackup', target, data: { name } })
      // Opened before answering, since a newer backup may replace the file meanwhile.
      const handle = await open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') throw new Fault('not_found', { what: say`the backup ${name}`, cause })
        throw new Fault('io_error', { what: file, cause })
      })
      const headers = { 'content-disposition': `attachment; filename="${name}"` }
      return answer(handle.createReadStream(), { headers })
    },
  }
}

function described(row: BackupRow, now: number) {
  const { id, name, node, by, begun_at, ended_at, bytes, sha256, configuration_index } = row
  const { state, failure } = outcomeOf(row, now)
  return {
    ...{ id, name, node, by: by === '' ? null : by, state, failure: kept(failure) },
    ...{ begunAt: begun_at, endedAt: ended_at, bytes, sha256, configurationIndex: configuration_index },
  }
}
