/**
 * The login with a wallet as the portal has it: asks for the person's code, and for what else a contract
 * demands with a consent, of those credentials that the settings name. Only those that identify a person sign
 * them in.
 */
import type { FastifyInstance } from 'fastify'
import { CODE } from '#core/consent/ask-attested.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { createWalletLogin, type WalletLogin } from '#platform/wallet-login/create-wallet-login.ts'
import { createStatusLists } from '#platform/wallet-login/fetch-status-list.ts'
import { isStatusHost, openIssuersFile, openIssuersOfServer } from '#platform/wallet-login/open-issuers.ts'
import { readVerifier } from '#platform/wallet-login/read-verifier.ts'
import { walletRoutes } from '#platform/wallet-login/routes.ts'
import type { OwnServer } from '../../asking/own-server.ts'
import type { WalletSettings } from './settings.ts'

export type Wallets = {
  login: WalletLogin
  /** Asks the wallet of somebody who is signed in already to agree to something. */
  agreeing: WalletLogin
  /** Why nobody can sign in so; undefined if all is well. */
  ailing(): string | undefined
  close(): Promise<void>
}

export const WALLET_PAGES = '/login/wallet'
const WALLETS = '/wallet'
const HOUR_SECONDS = 3600
const LOOK_MS = 15_000

/** Adds the two addresses that wallets use. Throws `invalid_configuration`. */
export async function openWallets(
  app: FastifyInstance,
  q: {
    settings: WalletSettings
    baseUrl: string
    /** Where the wallet of this device sends the person after they agreed. */
    agreedAt: string
    server: Pick<OwnServer, 'listTrustedIssuers'>
    clock: Clock
    log: Log
    metrics: Metrics
  },
): Promise<Wallets> {
  const { settings, baseUrl, clock } = q
  const verifier = await readVerifier(settings)
  const { trustedIssuersFile: file } = settings
  const issuers =
    file === undefined
      ? openIssuersOfServer({ ask: q.server.listTrustedIssuers, clock, log: q.log })
      : await openIssuersFile(file, q.log)
  // Without waiting: the own security server may start later than the portal.
  void issuers.look()
  const outcomes = q.metrics.counter('concordat_portal_wallet_logins_total', 'What came of asking wallets', [
    'outcome',
  ])
  const lists = createStatusLists({ clock, mayAsk: (uri) => isStatusHost(uri, issuers) })
  const identifying = settings.credentials.filter(({ attestsOnly }) => attestsOnly !== true)
  const signing = identifying.filter(({ format }) => format === 'dc+sd-jwt')
  const asking = (
    prefix: string,
    back: string,
    of: WalletSettings['credentials'],
    isKept: boolean,
  ): WalletLogin =>
    createWalletLogin({
      settings: {
        ...{ baseUrl, prefix, walletUrl: settings.walletUrl },
        returnUrl: {
          'same-device': `${baseUrl}${back}`,
          'cross-device': `${baseUrl}${WALLET_PAGES}/phone`,
        },
        maxStatusAgeSeconds: settings.maxStatusAgeHours * HOUR_SECONDS,
      },
      verifier,
      needed: [{ attribute: CODE }],
      sources: of.map(({ format, types, issuers: named, code }, at) => ({
        ...{ id: `person_${at + 1}`, format, types, issuers: named, places: { [CODE]: code } },
      })),
      issuers: issuers.current,
      fetchStatusList: lists.fetch,
      ...{ clock, isKept },
      count: (outcome) => outcomes.inc({ outcome }),
    })
  // Who signs in leaves no record: the session has the code, and nothing else is kept. Who agrees leaves the
  // proof of it.
  const login = asking(WALLETS, `${WALLET_PAGES}/back`, identifying, false)
  // Where some can sign what they agree to, people are asked for these alone: a request that takes others too
  // may show them nothing.
  const agreeing = asking(`${WALLETS}/agree`, q.agreedAt, signing.length > 0 ? signing : identifying, true)
  walletRoutes(app, WALLETS, login)
  walletRoutes(app, `${WALLETS}/agree`, agreeing)
  const looking = setInterval(() => void issuers.look(), LOOK_MS).unref()
  return {
    ...{ login, agreeing },
    ailing() {
      if (verifier.leaf.notAfter.getTime() <= clock()) return 'the certificate for asking wallets is expired'
      return issuers.isRead() ? undefined : 'the trusted issuers of wallets cannot be read'
    },
    async close() {
      clearInterval(looking)
      await lists.close()
    },
  }
}
