/**
 * Signing in with a wallet, without script: `GET /login/wallet` offers both ways, `POST` begins one, `/wait`
 * shows how far it is. Back from the wallet of this device comes `/back`; another device opens `/phone`,
 * whose number is typed where the code is shown.
 */
import { isIPv4 } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CODE } from '#core/consent/ask-attested.ts'
import type { Clock } from '#platform/clock.ts'
import { createCounter, networkOf } from '#platform/http-service/rate-limit.ts'
import type { LoginRefusal } from '#platform/wallet-login/create-wallet-login.ts'
import { Fault } from '#schemas/fault.ts'
import { choicesOf, type Place, type Reader, readerOf, signInAt } from '../../pages/frame.ts'
import { NOTHING } from '../../pages/html.ts'
import { phonePage, type Said, saidAt, waitPage, walletPage } from '../../pages/wallet.ts'
import { messagePage } from '../../pages/welcome.ts'
import { readForm } from '../../routing/form.ts'
import type { OneCookie } from '../cookie.ts'
import type { Look, Sessions } from '../sessions.ts'
import { endOld, nextOf, type SignIn } from '../sign-in.ts'
import { WALLET_PAGES, type Wallets } from './open-wallets.ts'

type WalletSignIn = Pick<SignIn, 'codeOf' | 'lookOf' | 'refused' | 'arrived' | 'count' | 'isEntrance'> & {
  wallets: Pick<Wallets, 'login' | 'agreeing'>
  cookie: OneCookie
  sessions: Sessions
  place: Place
  clock: Clock
  addressOf(request: FastifyRequest): string
}
type Held = { id: string; browser: string }
type Finished = ReturnType<Wallets['login']['confirm']>

/** The form has no session yet. */
const SIGNING_IN = { of: 'wallet', wait: `${WALLET_PAGES}/wait`, csrf: NOTHING } as const
const HTML = 'text/html; charset=utf-8'
const MOST_TYPED = 64
/** Attempts that a network begins. Each lasts for minutes, so many at once would leave no room for others. */
const BEGINS = { perSecond: 20, perMinute: 60 }

export function walletSignInRoutes(app: FastifyInstance, q: WalletSignIn): void {
  const { place, cookie } = q
  const { login, agreeing } = q.wallets
  const { take: waitFor } = createCounter(BEGINS, q.clock)
  const heldBy = (request: FastifyRequest) => attemptIn(cookie, request)
  /** As it was when it was begun, unless the address says how to read. */
  const lookOf = (request: FastifyRequest): Look => {
    const look = q.lookOf(request)
    const { language: asked } = request.query as Record<string, unknown>
    return asked === look.language ? look : (heldBy(request)?.look ?? look)
  }
  const readerFor = (request: FastifyRequest): Reader => readerOf(place, lookOf(request), undefined)

  /** Where the person begins anew, on the way to the same page. */
  const againAt = (request: FastifyRequest): string =>
    signInAt(WALLET_PAGES, heldBy(request)?.next ?? '/', lookOf(request))

  /** The attempt is over, or none of this browser. */
  function sayEnded(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const reader = readerFor(request)
    const { words } = reader
    const link = { href: againAt(request), text: words('message.again') }
    const page = { title: words('wallet.ended.title'), text: words('wallet.ended'), link }
    return reply
      .code(403)
      .header('set-cookie', cookie.clear())
      .type(HTML)
      .send(messagePage(place, reader, page))
  }

  function sayHowFar(request: FastifyRequest, reply: FastifyReply, said?: Said): FastifyReply {
    const held = heldBy(request)
    if (held === undefined) return sayEnded(request, reply)
    const looked = login.look(held.id, held.browser)
    if (looked.state === 'ended') return sayEnded(request, reply)
    const at = { ...SIGNING_IN, again: againAt(request) }
    const look = lookOf(request)
    // The wallet sends the person back to an address without choices. Without a choice nothing is written:
    // another tab may have begun anew.
    if (choicesOf(look) !== choicesOf(held.look))
      reply.header('set-cookie', cookie.writeWallet(held, { look, next: held.next }))
    return reply.type(HTML).send(waitPage(place, readerFor(request), { ...looked, said, at }))
  }

  /** Signs in whoever the wallet names. Anything else leaves no session. */
  function end(request: FastifyRequest, reply: FastifyReply, finished: Finished): FastifyReply {
    if ('refused' in finished) {
      const said: Partial<Record<LoginRefusal, Said>> = {
        not_answered: 'notYet',
        number_wrong: 'wrongNumber',
      }
      return sayHowFar(request, reply, said[finished.refused])
    }
    const look = lookOf(request)
    const claim = finished.outcome.attributes[CODE]
    const code = q.codeOf(typeof claim === 'string' ? claim : undefined)
    reply.header('set-cookie', cookie.clear())
    if (code === undefined) {
      q.count('no_code')
      return q.refused(reply, look, 'no_code')
    }
    q.count('signed_in')
    const token = q.sessions.begin({ code, name: '' }, look, 'wallet')
    reply.removeHeader('set-cookie').header('set-cookie', cookie.writeSession(token))
    const { next = '/' } = heldBy(request) ?? {}
    return q.arrived(reply, look, q.isEntrance(next) ? next : '/')
  }

  app.get(WALLET_PAGES, (request, reply) =>
    reply.type(HTML).send(walletPage(place, readerFor(request), nextOf(request, q))),
  )

  app.post(WALLET_PAGES, (request, reply) => {
    const waitSeconds = waitFor(q.addressOf(request))
    if (waitSeconds > 0) {
      reply.header('retry-after', waitSeconds)
      throw new Fault('too_many_requests')
    }
    const form = readForm(request)
    const flow = form.get('flow') === 'cross-device' ? 'cross-device' : 'same-device'
    const look = q.lookOf(request)
    const given = form.get('next') ?? '/'
    const earlier = heldBy(request)
    if (earlier !== undefined) login.giveUp(earlier)
    const begun = login.begin({ flow, by: largerNetworkOf(q.addressOf(request)) })
    endOld(request, q)
    return reply
      .header('set-cookie', cookie.writeWallet(begun, { look, next: q.isEntrance(given) ? given : '/' }))
      .redirect(SIGNING_IN.wait, 303)
  })

  app.get(SIGNING_IN.wait, (request, reply) => {
    const { searchParams } = new URL(request.url, 'http://ignored')
    return sayHowFar(request, reply, saidAt(searchParams))
  })

  app.get(`${WALLET_PAGES}/back`, (request, reply) => {
    const held = heldBy(request)
    if (held === undefined) return sayEnded(request, reply)
    return end(request, reply, login.finish({ ...held, responseCode: codeIn(request) }))
  })

  app.get(`${WALLET_PAGES}/phone`, (request, reply) => {
    const code = codeIn(request)
    const toAgree = agreeing.numberFor(code)
    const number = toAgree ?? login.numberFor(code)
    const of = toAgree === undefined ? 'wallet' : 'agree'
    return reply
      .code(number === undefined ? 403 : 200)
      .type(HTML)
      .send(phonePage(place, readerFor(request), { number, of }))
  })

  app.post(`${WALLET_PAGES}/number`, (request, reply) => {
    const held = heldBy(request)
    if (held === undefined) return sayEnded(request, reply)
    const number = (readForm(request).get('number') ?? '').slice(0, MOST_TYPED)
    return end(request, reply, login.confirm({ ...held, number }))
  })
}

/** The attempt of this browser, with what its person chose. */
function attemptIn(
  cookie: OneCookie,
  { headers }: FastifyRequest,
): (Held & { look: Look; next: string }) | undefined {
  const held = cookie.read(headers.cookie)
  return held !== undefined && 'wallet' in held
    ? { ...held.wallet, look: held.look, next: held.next }
    : undefined
}

/**
 * What a provider hands out as one: a /24 of IPv4, a /48 of IPv6. Who has many addresses there is one where
 * places are shared.
 */
function largerNetworkOf(address: string): string {
  if (isIPv4(address)) return address.split('.').slice(0, 3).join('.')
  return networkOf(address).split(':').slice(0, 3).join(':')
}

function codeIn(request: FastifyRequest): string {
  const { response_code: code } = request.query as Record<string, unknown>
  return typeof code === 'string' ? code : ''
}
