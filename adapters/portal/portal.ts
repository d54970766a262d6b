/**
 * The citizens' portal: an information system like any other, which asks its own security server who used a
 * person's data, and shows it to that person. It has no database and writes no file.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { logRequests } from '#adapters/kit/log-requests.ts'
import { readOwnServer } from '#adapters/kit/messages/own-server.ts'
import type { OpenWorker, Worker, WorkerQuestion } from '#adapters/kit/serve-worker.ts'
import { systemClock } from '#platform/clock.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { createAddressOf } from '#platform/http-service/behind-proxy.ts'
import { createHttpService, type HttpServiceOptions } from '#platform/http-service/create-http-service.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import { tlsOf } from '#platform/http-service/listener-tls.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { createOpenIdClient } from '#platform/sessions/client.ts'
import { createAskAll } from './asking/ask-all.ts'
import { createCalls } from './asking/calls.ts'
import { createFindSystems, type FindSystems } from './asking/find-systems.ts'
import { createAsking } from './asking/in-turn.ts'
import { openServer } from './asking/own-server.ts'
import { serveAssets } from './assets.ts'
import { WALLET_BACK } from './consents/addresses.ts'
import { createOneCookie } from './login/cookie.ts'
import { createSessions, type Look } from './login/sessions.ts'
import { codeReader, type Refusal, signInRoutes } from './login/sign-in.ts'
import { openWallets } from './login/wallet/open-wallets.ts'
import { walletSignInRoutes } from './login/wallet/routes.ts'
import { createMandateRegister } from './mandates/register.ts'
import { stopRoutes } from './notices/stop.ts'
import { hrefFor, type MenuEntry, type Place, readerOf } from './pages/frame.ts'
import { messagePage } from './pages/welcome.ts'
import { createPasskeys, type Passkeys } from './passkeys/create-passkeys.ts'
import { passkeySignInRoutes } from './passkeys/routes.ts'
import { readSlips } from './passkeys/slip.ts'
import { otherRoutes } from './routes.ts'
import { entrancesOf } from './routing/entrances.ts'
import { createReading, lookOf, sessionOf } from './routing/reading.ts'
import type { Section } from './routing/section.ts'
import { serveSections } from './routing/serve-sections.ts'
import { SECTIONS } from './sections.ts'
import { letterRoutes } from './services/by-letter.ts'
import { checkSettings, type PortalSettings, settingsSchema } from './settings.ts'

export const portal: Worker<PortalSettings> = {
  name: 'portal',
  schema: settingsSchema,
  prefix: 'PORTAL',
  check: checkSettings,
  open: openPortal,
}

const MINUTE_MS = 60_000
const LOOK_AGAIN_MS = 2_000
/** Of one network: a household or an office shares an address. */
const RATE = { perSecond: 30, perMinute: 600 }
const MOST_FRAMES = 8
const HTML = 'text/html; charset=utf-8'
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  ].join('; '),
  // An address may hold the number of an exchange.
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

function openPortal(q: WorkerQuestion<PortalSettings>): Promise<OpenWorker> {
  return startInTurn((opened) => openWithin(q, opened))
}

async function openWithin(
  { settings, log, metrics }: WorkerQuestion<PortalSettings>,
  opened: AsyncDisposableStack,
): Promise<OpenWorker> {
  const { listen, login, asking, sessions: times, person } = settings
  const clock = systemClock
  const options = await readOwnServer(settings.securityServer)
  const server = openServer({ ...options, connectTimeoutMs: asking.connectMs })
  opened.defer(() => server.close())
  const systems = createFindSystems({
    ...{ server, clock, log, codes: codesOf(settings), instances: asking.instances },
    ...{ atOnce: asking.atOnce, answerMs: asking.answerMs, refreshMs: asking.refreshMinutes * MINUTE_MS },
  })
  const redirectUri = `${login.baseUrl}/login/callback`
  const client = createOpenIdClient({
    ...{ ...login, clientSecret: await readSecret(login.clientSecretFile), redirectUri, claim: person.claim },
    ...(settings.counter && { required: settings.counter }),
  })
  opened.defer(() => client.close())
  const cookie = createOneCookie({ secure: login.baseUrl.startsWith('https:') })
  const sessions = createSessions({
    ...{ clock, most: times.most },
    ...{ idleMs: times.idleMinutes * MINUTE_MS, wholeMs: times.wholeMinutes * MINUTE_MS },
  })
  opened.defer(() => sessions.close())
  const addressOf = createAddressOf(listen.proxies)
  const app = createHttpService({
    ...{ name: 'people', log, logRequests: false, rateLimit: RATE, ...(await tlsOf(listen)) },
    addressOf,
    answerFailure: (thrown, request, reply) => failed(thrown, request, reply),
  })
  // Without the address of whoever asks.
  logRequests(app, metrics)
  app.addHook('onRequest', async (_request, reply) => void reply.headers(HEADERS))
  // A wallet says who somebody is, never that they are a clerk.
  const walletSettings = settings.counter === undefined ? settings.wallets : undefined
  const sections = SECTIONS.filter(({ isServed }) => isServed?.(settings) ?? true)
  const place: Place = {
    ...{ name: settings.name, contact: settings.contact, languages: settings.languages },
    ...{ timeZone: settings.timeZone, assets: await serveAssets(app) },
    ...{ idleMinutes: times.idleMinutes, wholeMinutes: times.wholeMinutes },
    hasWallets: walletSettings !== undefined,
    hasPasskeys: settings.passkeys !== undefined,
    hasLetters: settings.letters && settings.counter === undefined,
    menu: (isActing) => menuOf(sections, { settings, isActing }, systems),
    mayAct: settings.mandates !== undefined,
  }
  const logins = metrics.counter('concordat_portal_logins_total', 'Logins by outcome', ['outcome'])
  const questions = metrics.counter('concordat_portal_questions_total', 'What people asked for', ['what'])
  metrics.watch('concordat_portal_sessions', 'People who are signed in', sessions.size)
  const failed = failurePage(place, { cookie, sessions })
  const signIn = {
    ...{ client, cookie, sessions, clock, redirectUri },
    codeOf: codeReader(person.pattern),
    count: (outcome: string) => logins.inc({ outcome }),
    lookOf: (request: FastifyRequest) => lookOf(request, place.languages),
    refused: (reply: FastifyReply, look: Look, why: Refusal) => {
      const reader = readerOf(place, look, undefined)
      const { words } = reader
      const link = { href: hrefFor('/', reader), text: words('message.again') }
      const page = { title: words('login.title'), text: words(`login.${why}`), link }
      return reply
        .code(why === 'away' ? 502 : 403)
        .type(HTML)
        .send(messagePage(place, reader, page))
    },
    arrived: (reply: FastifyReply, look: Look, next: string) => {
      const reader = readerOf(place, look, undefined)
      const { words } = reader
      const link = { href: next, text: words('login.goOn') }
      const page = { title: words('login.arrived'), text: words('login.arrivedText'), link }
      return reply.type(HTML).send(messagePage(place, reader, { ...page, next }))
    },
    isEntrance: entrancesOf(sections),
  }
  signInRoutes(app, signIn)
  const wallets =
    walletSettings === undefined
      ? undefined
      : await openWallets(app, {
          settings: walletSettings,
          baseUrl: login.baseUrl,
          agreedAt: WALLET_BACK,
          server,
          clock,
          log,
          metrics,
        })
  opened.defer(() => wallets?.close())
  if (wallets !== undefined) walletSignInRoutes(app, { ...signIn, wallets, place, addressOf })
  const { serviceCode, atOnce, wholeMs } = asking
  const ask = createAskAll({ server, serviceCode, atOnce, wholeMs, limits: asking })
  const inTurn = createAsking({ ...asking, ask, country: person.country, clock })
  const calls = createCalls({ server, asking: inTurn, limits: asking })
  const beside = {
    ...{ atOnce: Math.ceil(atOnce / 4), people: Math.ceil(asking.people / 2), wholeMs: asking.waitsMs },
    answerMs: Math.min(asking.answerMs, asking.waitsMs),
    answerBytes: asking.answerBytes,
  }
  const callsBeside = createCalls({
    ...{ server, limits: beside },
    asking: createAsking({ ...asking, ...beside, ask, country: person.country, clock }),
  })
  const register =
    settings.mandates && createMandateRegister({ ...settings.mandates, calls, asking: inTurn, clock })
  const reading = createReading({ place, cookie, sessions })
  const passkeys = await openPasskeys(settings)
  if (passkeys !== undefined) {
    const { origin } = new URL(login.baseUrl)
    passkeySignInRoutes(app, { ...signIn, passkeys, place, reading, origin })
  }
  serveSections(app, sections, {
    rooms: {
      ...{ place, systems, server, settings, clock, calls, callsBeside, register, asking: inTurn },
      wallet: wallets?.agreeing,
      passkeys,
    },
    reading,
    count: (what) => questions.inc({ what }),
  })
  otherRoutes(app, { place, reading })
  if (place.hasLetters)
    letterRoutes(app, {
      ...{ place, reading, systems, server, asking, clock, addressOf },
      personOf: createPersonOf(person),
      count: (what) => questions.inc({ what }),
    })
  stopRoutes(app, { place, reading, systems, server, asking, clock, addressOf })
  opened.defer(() => app.close())
  await app.listen({ host: listen.address, port: listen.port })
  log.info({ url: login.baseUrl }, 'people are served')
  const looking = lookUntilKnown(systems, serviceCode)
  opened.defer(() => looking.end())
  return {
    health: {
      systems: () =>
        systems.isKnown()
          ? { ok: true }
          : { ok: false, reason: 'the own security server named no systems yet' },
      ...(wallets === undefined
        ? {}
        : {
            wallets: () => {
              const reason = wallets.ailing()
              return reason === undefined ? { ok: true } : { ok: false, reason }
            },
          }),
    },
    close: () => opened.disposeAsync(),
  }
}

async function openPasskeys({ passkeys, login, name }: PortalSettings): Promise<Passkeys | undefined> {
  if (passkeys === undefined) return undefined
  const { origin } = new URL(login.baseUrl)
  const slips = await readSlips(passkeys.keyFile, origin)
  return createPasskeys({ slips, origin, days: passkeys.days, label: name, clock: systemClock })
}

/** As a login would say it: people write their code with spaces and small letters. */
function createPersonOf({ pattern, country }: PortalSettings['person']): (typed: string) => string {
  const codeOf = codeReader(pattern)
  return (typed) => {
    const plain = typed.replace(/\s/g, '')
    const code = codeOf(plain) ?? codeOf(plain.toUpperCase()) ?? codeOf(country + plain)
    return code === undefined ? '' : country + code
  }
}

/** What the portal looks for at all systems. */
function codesOf(settings: PortalSettings): string[] {
  const ofSections = SECTIONS.flatMap(({ services }) => services(settings)).filter((code) => code !== '')
  return [...new Set([settings.asking.serviceCode, ...ofSections])]
}

/**
 * The sections that have something behind them in this instance. To a clerk who acts for nobody the others
 * would open the choice of a person.
 */
function menuOf(
  sections: readonly Section[],
  { settings, isActing }: { settings: PortalSettings; isActing: boolean },
  systems: Pick<FindSystems, 'isOffered'>,
): MenuEntry[] {
  return sections.flatMap(({ name, href, services, isInMenu, routes }) => {
    const isOwn = routes.some(({ path, isOwn }) => path === href && isOwn === true)
    if (settings.counter !== undefined && !isActing && !isOwn) return []
    if (isInMenu?.(settings) === false) return []
    const codes = services(settings)
    const isThere = codes.length === 0 || systems.isOffered(codes)
    return href !== undefined && isThere ? [{ name, href }] : []
  })
}

/**
 * Nobody who comes first has to wait for it, also where the own security server starts later than the portal;
 * and whoever comes first after servers were away is shown what those tell too, since they are asked again
 * without a visitor.
 */
function lookUntilKnown(systems: FindSystems, code: string): { end(): void } {
  let timer: NodeJS.Timeout | undefined
  let isEnded = false
  const lookLater = (): void => {
    if (!isEnded) timer = setTimeout(look, LOOK_AGAIN_MS).unref()
  }
  const look = (): void => {
    systems.offering(code).then(({ silent }) => void (silent.length > 0 && lookLater()), lookLater)
  }
  look()
  return {
    end() {
      isEnded = true
      clearTimeout(timer)
    },
  }
}

/** What fails is a page too. Its line in the log has no message: an error may hold what it was about. */
function failurePage(
  place: Place,
  q: Parameters<typeof sessionOf>[1],
): NonNullable<HttpServiceOptions['answerFailure']> {
  return (thrown, request, reply) => {
    const fault = toFault(thrown)
    const frames =
      thrown instanceof Error ? thrown.stack?.match(/^ +at .+$/gm)?.slice(0, MOST_FRAMES) : undefined
    const level = fault.status >= 500 ? 'error' : 'debug'
    request.log[level]({ fault: fault.code, detail: fault.detail, frames }, 'request failed')
    const session = sessionOf(request, q)
    const reader = readerOf(place, lookOf(request, place.languages, session?.look), session)
    const { words } = reader
    const known = words.has(`failure.${fault.code}`) ? fault.code : 'other'
    const page = {
      ...{ title: words('failure.title'), text: words(`failure.${known}`, { detail: fault.detail }) },
      link: { href: hrefFor('/', reader), text: words('message.back') },
    }
    return reply
      .code(fault.status)
      .headers(HEADERS)
      .type(HTML)
      .send(messagePage(place, reader, page))
  }
}
