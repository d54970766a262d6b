/**
 * The verifier for services: an agency's own service asks it for presentations of wallets, in the words of
 * the EU's reference verifier. One listener is for wallets, another for services, which prove by a
 * certificate who they are. It has no database and writes no file.
 */
import { clientCheck } from '#adapters/kit/listen.ts'
import { logRequests } from '#adapters/kit/log-requests.ts'
import { openOwnLists } from '#adapters/kit/messages/own-lists.ts'
import { readOwnServer } from '#adapters/kit/messages/own-server.ts'
import type { OpenWorker, Worker, WorkerQuestion } from '#adapters/kit/serve-worker.ts'
import { systemClock } from '#platform/clock.ts'
import { createAddressOf } from '#platform/http-service/behind-proxy.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { tlsOf } from '#platform/http-service/listener-tls.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { createStatusLists } from '#platform/wallet-login/fetch-status-list.ts'
import {
  type Issuers,
  isStatusHost,
  openIssuersFile,
  openIssuersOfServer,
} from '#platform/wallet-login/open-issuers.ts'
import { readVerifier } from '#platform/wallet-login/read-verifier.ts'
import { walletRoutes } from '#platform/wallet-login/routes.ts'
import { createPresentations } from './presentations.ts'
import { serviceRoutes } from './routes.ts'
import { checkSettings, settingsSchema, type VerifierSettings } from './settings.ts'

export const verifier: Worker<VerifierSettings> = {
  name: 'verifier',
  schema: settingsSchema,
  prefix: 'VERIFIER',
  check: checkSettings,
  open: openVerifier,
}

const LOOK_MS = 15_000
const MINUTE_MS = 60_000
const HOUR_SECONDS = 3600
/** Of one network of wallets: a household or an office shares an address. */
const RATE = { perSecond: 30, perMinute: 600 }

function openVerifier(q: WorkerQuestion<VerifierSettings>): Promise<OpenWorker> {
  return startInTurn((inTurn) => openInTurn(q, inTurn))
}

async function openInTurn(
  { settings, log, metrics }: WorkerQuestion<VerifierSettings>,
  inTurn: AsyncDisposableStack,
): Promise<OpenWorker> {
  const clock = systemClock
  const asWhom = await readVerifier(settings)
  const { issuers, close: closeIssuers } = await openIssuers(settings, { clock, log })
  inTurn.defer(closeIssuers)
  const lists = createStatusLists({ clock, mayAsk: (uri) => isStatusHost(uri, issuers) })
  inTurn.defer(() => lists.close())
  const outcomes = metrics.counter('concordat_verifier_presentations_total', 'What came of asking wallets', [
    'outcome',
  ])
  const presentations = createPresentations({
    ...{ baseUrl: settings.wallets.baseUrl, walletUrl: settings.walletUrl, verifier: asWhom, clock },
    maxStatusAgeSeconds: settings.maxStatusAgeHours * HOUR_SECONDS,
    keepMs: settings.keepMinutes * MINUTE_MS,
    ...{ issuers: issuers.current, fetchStatusList: lists.fetch },
    count: (outcome) => outcomes.inc({ outcome }),
  })
  metrics.watch('concordat_verifier_transactions', 'Transactions that are kept', presentations.size)
  metrics.watch('concordat_verifier_kept_octets', 'What they hold in memory', presentations.octets)
  const { https, guard } = await clientCheck(settings.services, log)
  const services = createHttpService({ name: 'services', log, logRequests: false, ...(https && { https }) })
  inTurn.defer(() => services.close())
  guard(services)
  const wallets = createHttpService({
    ...{ name: 'wallets', log, logRequests: false, rateLimit: RATE, ...(await tlsOf(settings.wallets)) },
    addressOf: createAddressOf(settings.wallets.proxies),
  })
  inTurn.defer(() => wallets.close())
  // Without the address of whoever asks.
  logRequests(services, metrics, wallets)
  serviceRoutes(services, presentations)
  walletRoutes(wallets, '/wallet', presentations.wallet)
  await services.listen({ host: settings.services.address, port: settings.services.port })
  await wallets.listen({ host: settings.wallets.address, port: settings.wallets.port })
  log.info({ url: settings.wallets.baseUrl }, 'wallets are served')
  const looking = setInterval(() => {
    presentations.sweep()
    void issuers.look()
  }, LOOK_MS).unref()
  inTurn.defer(() => clearInterval(looking))
  return {
    health: {
      wallets() {
        if (asWhom.leaf.notAfter.getTime() <= clock())
          return { ok: false, reason: 'the certificate for asking wallets is expired' }
        return issuers.isRead() ? { ok: true } : { ok: false, reason: 'the trusted issuers cannot be read' }
      },
    },
    close: () => inTurn.disposeAsync(),
  }
}

async function openIssuers(
  { trustedIssuersFile: file, securityServer }: VerifierSettings,
  q: { clock: typeof systemClock; log: WorkerQuestion<VerifierSettings>['log'] },
): Promise<{ issuers: Issuers; close(): void }> {
  if (file !== undefined) return { issuers: await openIssuersFile(file, q.log), close: () => undefined }
  const own = openOwnLists(await readOwnServer(securityServer!))
  const issuers = openIssuersOfServer({ ask: () => own.list('listTrustedIssuers'), ...q })
  // Without waiting: the own security server may start later.
  void issuers.look()
  return { issuers, close: own.close }
}
