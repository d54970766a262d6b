/**
 * The parts of a registry apart from its features: its listeners, the management API's document, who may call
 * it and when.
 */
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Confirmation } from '#platform/http-service/confirmation.ts'
import type { FourEyes } from '#platform/http-service/four-eyes.ts'
import type { RegisteredOpenApi } from '#platform/http-service/openapi.ts'
import { servePages } from '#platform/http-service/serve-pages.ts'
import type { Listener, Shape } from '#platform/serve.ts'
import type { Authenticate } from '#platform/sessions/authenticate.ts'
import { registryApi } from './admin/api.ts'
import type { RestoredRegister } from './features/restorations/restored-register.ts'
import type { RegistryGround } from './ground.ts'
import { adminListener, managementListener, publicListener, registrationListener } from './listeners.ts'

const CONSOLE = {
  prefix: '/console',
  directory: path.resolve(import.meta.dirname, '../console/dist/registry'),
  how: 'npm exec -- concordat console',
}

/**
 * A server's report says how far this registry had come, so it is accepted while a restored register waits
 * for acceptance.
 */
const OPEN_WHILE_RESTORED = ['/registration/v1/server-reports']

type Offered = {
  authenticate: Authenticate
  confirmation: Confirmation | undefined
  approvals: FourEyes
  carryOutBy(api: RegisteredOpenApi): void
  restoration: RestoredRegister
}

export async function shapeOf(all: RegistryGround & Offered): Promise<Shape> {
  const { settings, restoration, log } = all
  const app = await adminListener(settings.admin, log)
  servePages(app, CONSOLE)
  const { address: host, port, certificateFile } = settings.admin
  const url = `${certificateFile === undefined ? 'http' : 'https'}://${host}:${port}`
  return {
    admin: { app, url, listen: async () => void (await app.listen({ host, port })) },
    document: await registryApi(),
    authenticate: all.authenticate,
    fourEyes: all.approvals,
    confirmation: all.confirmation,
    admit: restoration.admit,
    onApi: all.carryOutBy,
    listeners: {
      registration: listenerOf(settings.registration, async (one) => {
        const registration = await registrationListener(one, log)
        restoration.guard(registration, OPEN_WHILE_RESTORED)
        return registration
      }),
      management: listenerOf(settings.managementService, async (one) => {
        const management = await managementListener(one, all.managementCertificates, log)
        restoration.guard(management)
        return management
      }),
      public: listenerOf(settings.public, async (one) => {
        const open = await publicListener(one, log)
        restoration.guard(open)
        return open
      }),
    },
    whenOpen: restoration.whenOpen,
    ready: `configuration at ${settings.publicUrl}, management API at ${url}/api/v1, console at ${url}${CONSOLE.prefix}/`,
  }
}

/**
 * Opens a listener with the features' routes and listens at its address; does nothing when the settings have
 * no such listener.
 */
function listenerOf<S extends { address: string; port: number }>(
  settings: S | undefined,
  open: (settings: S) => Promise<FastifyInstance>,
): Listener {
  return {
    async listen(addRoutes) {
      if (settings === undefined) return { close: async () => undefined }
      const app = await open(settings)
      await addRoutes(app)
      await app.listen({ host: settings.address, port: settings.port })
      return { close: () => app.close() }
    },
  }
}
