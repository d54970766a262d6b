/** The process of a central registry: reads settings and secrets from files, then starts registry.ts. */
import { mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { readMailServer } from '#platform/mail/settings.ts'
import { requireLastingPlaces } from '#platform/nodes/lasting-places.ts'
import { printable } from '#platform/plain-text.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { Fault } from '#schemas/fault.ts'
import { createApiKey } from './admin/first-api-key.ts'
import { checkSettings, type Settings, settingsSchema } from './config.ts'
import { restoreBackup } from './features/backups/restore-backup.ts'
import { reopenInstallation } from './features/installation/reopen.ts'
import { createInstallationStore } from './features/installation/store.ts'
import { openMemory } from './features/restorations/memory.ts'
import { readStanding } from './features/restorations/standing-store.ts'
import { takenAwayFrom, takenAwayInWords } from './features/restorations/taken-away.ts'
import { registryMigrations } from './features.ts'
import { openRegistryDatabase, startRegistry } from './registry.ts'

const { values } = parseArgs({
  options: {
    configuration: { type: 'string' },
    'create-api-key': { type: 'string' },
    'reopen-installation': { type: 'boolean' },
    'restore-backup': { type: 'string' },
  },
})
const clock = systemClock
const log = createLog({ name: 'central-registry', level: 'info' })

await runProcess({ name: 'central-registry', log, start })

async function start(): Promise<Running> {
  const file = values.configuration ?? ''
  const settings = await readConfiguration<Settings>(file, settingsSchema, process.env, 'CONCORDAT_REGISTRY')
  checkSettings(settings)
  log.level = settings.logLevel
  const roles = values['create-api-key']
  if (roles !== undefined) return await printApiKey(settings, roles.split(','))
  if (values['reopen-installation'] === true) return await reopen(settings)
  requireLastingPlaces([settings.directory, settings.database], process.env)
  await mkdir(settings.directory, { recursive: true, mode: 0o700 })
  const backup = values['restore-backup']
  if (backup !== undefined) return await restore(settings, backup)
  return await startRegistry({
    settings,
    pin: await readSecret(settings.pinFile),
    clientSecret:
      settings.login === undefined ? undefined : await readSecret(settings.login.clientSecretFile),
    mailServer: await readMailServer(settings.mail),
    redisUrl: settings.redisUrlFile === undefined ? undefined : await readSecret(settings.redisUrlFile),
    backupKey: settings.backups === undefined ? undefined : await readSecret(settings.backups.keyFile),
    settingsFile: file,
    clock,
    log,
  })
}

/** Prints a new API key for an operator who has none, then exits. */
async function printApiKey(settings: Settings, roles: string[]): Promise<never> {
  const database = await openRegistryDatabase(settings.database)
  const rooms = { apiKeys: createApiKeys({ database, clock }), audit: createAuditLog({ database, clock }) }
  process.stdout.write(`${await createApiKey('operator', roles, rooms)}\n`)
  await database.close()
  process.exit(0)
}

/** Restores a backup into an empty database, prints what was lost, then exits. */
async function restore(settings: Settings, file: string): Promise<never> {
  if (settings.backups === undefined)
    throw new Fault('invalid_configuration', {
      what: 'backups is not configured: its keyFile opens the backup',
    })
  const secret = await readSecret(settings.backups.keyFile)
  const { manifest, sha256 } = await restoreBackup({ file, secret, settings, migrations: registryMigrations })
  const database = await openRegistryDatabase(settings.database)
  const remembered = await openMemory({ ...settings, database, clock }).read()
  const taken = takenAwayInWords(takenAwayFrom(await readStanding(database, new Date()), remembered))
  await database.close()
  process.stdout.write(
    `restored what ${manifest.of} was at ${manifest.madeAt}, from the backup with SHA-256 ${sha256}\n` +
      taken.map((line) => `${printable(line)}\n`).join('') +
      'the registry publishes nothing until two administrators have accepted this\n',
  )
  process.exit(0)
}

/** Allows one more administrator to log in with a code when too few are left to invite others, then exits. */
async function reopen({ login, database: url }: Settings): Promise<never> {
  if (login === undefined)
    throw new Fault('invalid_configuration', { what: 'login is not configured: nobody could redeem a code' })
  const database = await openRegistryDatabase(url)
  const until = await reopenInstallation({
    file: login.firstCodeFile,
    store: createInstallationStore(database),
    audit: createAuditLog({ database, clock }),
    clock,
  })
  process.stdout.write(
    `one more administrator may redeem the code in ${login.firstCodeFile} until ${until}\n`,
  )
  await database.close()
  process.exit(0)
}
