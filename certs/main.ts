/** The development trust services as a process: node certs/main.ts --configuration file.yaml */
import { parseArgs } from 'node:util'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { Fault } from '#schemas/fault.ts'
import { createAuthority, startTrustServices } from './authority.ts'
import { type TrustServicesSettings, trustServicesSchema } from './configuration.ts'

const log = createLog({ name: 'trust-services' })

async function start(): Promise<Running> {
  const { values } = parseArgs({ options: { configuration: { type: 'string' } }, strict: true })
  if (values.configuration === undefined) {
    throw new Fault('invalid_configuration', { what: 'start with --configuration file.yaml' })
  }
  const settings = await readConfiguration<TrustServicesSettings>(
    values.configuration,
    trustServicesSchema,
    process.env,
    'TRUST_SERVICES',
  )
  log.level = settings.logLevel
  const { host, caPort, ocspPort, tsaPort } = settings
  const authority = await createAuthority({
    directory: settings.directory,
    clock: systemClock,
    instance: settings.instance,
    curveOrRsa: settings.keyKind,
    ocspValiditySeconds: settings.ocspValiditySeconds,
    // A port that is not known yet cannot stand in a certificate.
    ...(ocspPort !== 0 && { ocspUrl: `http://${host}:${ocspPort}/` }),
  })
  const apiKey = settings.apiKeyFile === undefined ? undefined : await readSecret(settings.apiKeyFile)
  const services = await startTrustServices({ authority, host, caPort, ocspPort, tsaPort, log, apiKey })
  const { caUrl, ocspUrl, tsaUrl } = services
  return { stop: services.close, ready: `CA ${caUrl}, OCSP ${ocspUrl}, TSA ${tsaUrl}` }
}

await runProcess({ name: 'trust-services', log, start })
