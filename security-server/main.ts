/** The security server: reads the settings, opens the ground, and serves the list of features. */
import { parseArgs } from 'node:util'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { lockFile } from '#platform/database/lock-file.ts'
import { createLog, type Log } from '#platform/logging/create-log.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { serve } from '#platform/serve.ts'
import { checkSettings, type Settings, settingsSchema } from './config.ts'
import { BACKUP_OPTIONS, restoreAndEnd } from './features/backups/backup-command.ts'
import { FEATURES, serverMigrations } from './features.ts'
import { openGround } from './ground.ts'
import { shapeOf } from './shape.ts'

const { values: words } = parseArgs({ options: { configuration: { type: 'string' }, ...BACKUP_OPTIONS } })
const log = createLog({ name: 'security-server', level: 'info' })

await runProcess({
  name: 'security-server',
  log,
  start: async () =>
    start(
      await readConfiguration<Settings>(words.configuration ?? '', settingsSchema, process.env, 'CONCORDAT'),
      log,
    ),
})

async function start(settings: Settings, log: Log): Promise<Running> {
  checkSettings(settings)
  await restoreAndEnd(words, settings, serverMigrations)
  log.level = settings.logLevel
  const ground = await openGround({
    settings,
    words,
    migrations: serverMigrations,
    clock: systemClock,
    log,
    lock: lockFile,
  })
  return serve(ground, FEATURES, shapeOf)
}
