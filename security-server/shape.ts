/**
 * What a security server has besides its features: its listeners, the file of the management API, and the
 * authentication of callers.
 */
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Confirmation } from '#platform/http-service/confirmation.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { adminRateLimit, type Counter, createCounter } from '#platform/http-service/rate-limit.ts'
import { readDocument } from '#platform/http-service/read-document.ts'
import { servePages } from '#platform/http-service/serve-pages.ts'
import type { NodeOffers } from '#platform/nodes/open-nodes.ts'
import type { ProposalOffers } from '#platform/proposals/open-proposals.ts'
import type { Listener, Shape } from '#platform/serve.ts'
import type { Authenticate } from '#platform/sessions/authenticate.ts'
import { createAdminListener, listenForXRoadsTools } from './admin-listener.ts'
import { caughtUp } from './caught-up.ts'
import { listenForChallenges } from './challenge-listener.ts'
import type { XRoadApiOffers } from './features/x-road-api/feature.ts'
import type { ServerGround } from './ground.ts'
import { listenForClients, listenForPeers } from './listeners.ts'
import { createOcspByHash } from './peer/ocsp-by-hash.ts'
import { recordingLooks } from './reading/looks.ts'

const CONSOLE = {
  prefix: '/console',
  directory: path.resolve(import.meta.dirname, '../console/dist/agency'),
  how: 'npm exec -- concordat console',
}

let document: Promise<OpenApiDocument> | undefined

/** The document of the management API, read once per process. */
export function securityServerApi(): Promise<OpenApiDocument> {
  document ??= readDocument(new URL('../schemas/security-server-api.yaml', import.meta.url))
  return document
}

type Offered = { authenticate: Authenticate; confirmation: Confirmation | undefined } & Pick<
  ProposalOffers,
  'approvals' | 'carryOutBy'
> &
  NodeOffers &
  XRoadApiOffers

export async function shapeOf(all: ServerGround & Offered): Promise<Shape> {
  const { settings, log, audit } = all
  // One for both addresses of the management API: who guesses keys gets no second try at the other.
  const rateLimit = createCounter(adminRateLimit, all.clock)
  const { app, url } = await createAdminListener(settings.admin, log, rateLimit)
  servePages(app, CONSOLE)
  const { address: host, port } = settings.admin
  return {
    admin: { app, url, listen: async () => void (await app.listen({ host, port, ...all.share })) },
    document: await securityServerApi(),
    around: (handlers) => recordingLooks(handlers, audit),
    ...{ authenticate: caughtUp(all.authenticate, all.catchUp), fourEyes: all.approvals },
    onApi: (api) => {
      all.carryOutBy(api)
      all.answerXRoadBy(api)
    },
    confirmation: all.confirmation,
    listeners: {
      ...{ clients: clients(all), peers: peers(all), ocsp: ocsp(all) },
      ...challenges(all),
      ...xRoadApi(all, rateLimit),
    },
    ready: `${settings.server}, management API at ${url}/api/v1, console at ${url}${CONSOLE.prefix}/`,
  }
}

function clients({ settings, keys, log, share }: ServerGround): Listener {
  return {
    async listen(addRoutes) {
      const apps = await listenForClients(settings.clients, { keys, log, share }, addRoutes)
      return { close: () => closeAll(apps) }
    },
  }
}

function peers(ground: ServerGround): Listener {
  return {
    async listen(addRoutes) {
      const open = listenForPeers(ground.settings.peers, ground, addRoutes)
      const reason = (): string | undefined => (open.isListening() ? undefined : 'not listening yet')
      return { health: () => ({ ok: open.isListening(), reason: reason() }), close: () => open.stop() }
    },
  }
}

function ocsp({ settings, keys, share }: ServerGround): Listener {
  return {
    async listen() {
      const app = createOcspByHash(keys)
      await app.listen({ host: settings.peers.address, port: settings.peers.ocspPort, ...share })
      return { close: () => app.close() }
    },
  }
}

function challenges({ settings, share }: ServerGround): Record<string, Listener> {
  const at = settings.acme?.challenge
  if (at === undefined) return {}
  return {
    challenges: {
      async listen(addRoutes) {
        const app = await listenForChallenges(at, addRoutes, share)
        return { close: async () => app.close() }
      },
    },
  }
}

function xRoadApi({ settings, log, share }: ServerGround, rateLimit: Counter): Record<string, Listener> {
  const at = settings.xRoadApi
  if (at === undefined) return {}
  return {
    'x-road-api': {
      async listen(addRoutes) {
        const app = await listenForXRoadsTools(at, { log, rateLimit, share }, addRoutes)
        return { close: async () => app.close() }
      },
    },
  }
}

async function closeAll(apps: FastifyInstance[]): Promise<void> {
  await Promise.all(apps.map(async (app) => app.close()))
}
