/**
 * The security server: reads the settings, opens the ground, and serves the list of features. With several
 * `workers` it only starts and supervises these; the server itself is loaded by who runs it.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { lockFile } from '#platform/database/lock-file.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { requireLastingPlaces } from '#platform/nodes/lasting-places.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { begunAsWorker } from '#platform/workers/siblings.ts'
import { supervise } from '#platform/workers/supervise.ts'
import { checkSettings, type Settings, settingsSchema } from './config.ts'
import { BACKUP_OPTIONS } from './features/backups/backup-words.ts'
import { sharedPorts } from './own-listeners.ts'

const { values: words } = parseArgs({ options: { configuration: { type: 'string' }, ...BACKUP_OPTIONS } })
const log = createLog({ name: 'security-server', level: 'info' })
const worker = await begunAsWorker(() => log.fatal('the supervisor is gone: this worker ends'))

await runProcess({ name: 'security-server', log, isWorker: worker !== undefined, start })

async function start(onStart: (running: Running) => void): Promise<Running> {
  const settings =
    (worker?.settings as Settings | undefined) ??
    (await readConfiguration<Settings>(words.configuration ?? '', settingsSchema, process.env, 'CONCORDAT'))
  checkSettings(settings)
  const { directory, database, messageLogDatabase } = settings
  requireLastingPlaces([directory, database, messageLogDatabase], process.env)
  log.level = settings.logLevel
  const isBackup = words['make-backup'] !== undefined || words['restore-backup'] !== undefined
  if (settings.workers > 1 && worker === undefined && !isBackup)
    return supervise({ count: settings.workers, settings, log, ports: sharedPorts(settings), onStart })
  const { startServer } = await import('./start-server.ts')
  return startServer({ settings, words, clock: systemClock, log, lock: lockFile, siblings: worker?.siblings })
}
