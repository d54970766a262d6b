/** The development trust services as a process: node certs/main.ts --configuration file.yaml */
import { parseArgs } from 'node:util'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { type Running, runProcess } from '#platform/process/run-process.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { createAuthority } from './authority.ts'
import { type TrustServicesSettings, trustServicesSchema } from './configuration.ts'
import { readAccounts } from './openid-provider/accounts.ts'
import { createOpenIdApp } from './openid-provider/app.ts'
import { startTrustServices } from './trust-services.ts'

const log = createLog({ name: 'trust-services' })

async function start(inTurn: AsyncDisposableStack): Promise<Running> {
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
    // A certificate cannot contain a port that is not known yet.
    ...(ocspPort !== 0 && { ocspUrl: `http://${host}:${ocspPort}/` }),
  })
  const apiKey = settings.apiKeyFile === undefined ? undefined : await readSecret(settings.apiKeyFile)
  const services = await startTrustServices({ authority, host, caPort, ocspPort, tsaPort, log, apiKey })
  inTurn.defer(() => services.close())
  const { caUrl, ocspUrl, tsaUrl } = services
  const openId = await startOpenId(settings)
  return {
    ready: `CA ${caUrl}, OCSP ${ocspUrl}, TSA ${tsaUrl}${openId === undefined ? '' : `, OpenID ${openId.url}`}`,
    async stop() {
      await openId?.close()
      await inTurn.disposeAsync()
    },
  }
}

/** The provider where people of the development instance log in; undefined if no file names them. */
async function startOpenId(
  q: TrustServicesSettings,
): Promise<{ url: string; close(): Promise<void> } | undefined> {
  if (q.openIdFile === undefined) return undefined
  const { host, openIdPort: port } = q
  const accounts = readAccounts(await readSecret(q.openIdFile))
  const app = createOpenIdApp({ accounts, host, port, log })
  await app.listen({ host, port })
  return { url: `http://${host}:${port}`, close: () => app.close() }
}

await runProcess({ name: 'trust-services', log, start: () => startInTurn(start) })
