/**
 * Connects the backups of this server to the daily backups of the platform: what a backup contains and who
 * signs it.
 */
import { hash } from 'node:crypto'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { type DailyBackups, openDailyBackups } from '#platform/backups/daily-backups.ts'
import type { BackupSettings } from '#platform/backups/settings.ts'
import type { Clock } from '#platform/clock.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { idText, type MemberId, memberOf, parseServerId, type ServerId } from '#schemas/identifiers.ts'
import { makeServerBackup } from './make-backup.ts'
import { dumpServer } from './store.ts'

export async function openServerBackups(q: {
  settings: { server: string; directory: string; database: string; backups?: BackupSettings | undefined }
  settingsFile: string
  database: Database
  keys: { signJson(q: { document: object; type: string; member: MemberId }): Promise<string> }
  audit: Pick<AuditLog, 'before'>
  metrics: Pick<Metrics, 'watch'>
  clock: Clock
  log: Log
}): Promise<DailyBackups> {
  const { server, directory, database: url, backups: settings } = q.settings
  const id = parseServerId(server)
  const member = memberOf(id)
  // Read at the start, so that a missing secret is reported at once and not with the first backup at night.
  const secret = settings && (await readSecret(settings.keyFile))
  return openDailyBackups({
    ...{ ...q, settings, prefix: prefixOf(id), label: 'server' },
    write:
      secret === undefined
        ? undefined
        : (file, now) =>
            makeServerBackup({
              ...{ file, secret, server: idText(id), directory, settingsFile: q.settingsFile, now },
              dump: (write) => dumpServer(url, write),
              sign: (document, type) => q.keys.signJson({ document, type, member }),
            }),
  })
}

/** A prefix of file names: readable for people, and unique to this server by the hash of its identifier. */
function prefixOf(id: ServerId): string {
  const code = id.serverCode.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 40)
  return `security-server-${code}-${hash('sha256', idText(id)).slice(0, 8)}`
}
