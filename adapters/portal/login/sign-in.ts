/**
 * Signing in and out: `GET /login` to the country's provider, `GET /login/callback` back with a session,
 * `POST /logout`. Who came back is known by the claim that the settings name, and to this process's memory
 * alone: no line of the log says who it was.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import { isPlainText } from '#platform/plain-text.ts'
import { attemptOf, beginAttempt } from '#platform/sessions/attempt.ts'
import type { Identity, OpenIdClient } from '#platform/sessions/client.ts'
import { asFault } from '#schemas/fault.ts'
import { choicesOf } from '../pages/frame.ts'
import { isOfSession, readForm } from '../routing/form.ts'
import type { OneCookie } from './cookie.ts'
import type { Look, Person, Sessions } from './sessions.ts'
import { createUsedAttempts } from './used-attempts.ts'

/** Why somebody is not signed in. */
export type Refusal = 'expired' | 'failed' | 'no_code' | 'away' | 'passkey'

export type SignIn = {
  client: OpenIdClient
  cookie: OneCookie
  sessions: Sessions
  codeOf: (claim: string | undefined) => string | undefined
  clock: Clock
  /** The address to which the provider sends browsers back. */
  redirectUri: string
  count(outcome: Refusal | 'signed_in'): void
  lookOf(request: FastifyRequest): Look
  /** Pages for people. */
  refused(reply: FastifyReply, look: Look, why: Refusal): FastifyReply
  arrived(reply: FastifyReply, look: Look, next: string): FastifyReply
  /** Whether people may come to this address from elsewhere: they are led there when they are signed in. */
  isEntrance(address: string): boolean
}

/** Where a person who signed out comes to. It shows nobody's list, also to a browser that has a session. */
export const ENDED = '/ended'
/** At the end of its address: the person has just signed out here, and the other windows are cleared. */
const TELLS_WINDOWS = '#left'
/** A header of the exchange carries it. */
const CODE = /^[\x21-\x7e]{1,64}$/

/** The code of a person in a claim, such as the digits of EE60001017869; undefined if there is none. */
export function codeReader(pattern: string): SignIn['codeOf'] {
  const form = new RegExp(pattern, 'u')
  return (claim) => {
    const code = isPlainText(claim, 255) ? form.exec(claim)?.[1] : undefined
    return code !== undefined && CODE.test(code) ? code : undefined
  }
}

export function signInRoutes(app: FastifyInstance, q: SignIn): void {
  const used = createUsedAttempts(q.clock)

  // Nobody is counted by address: a state of 256 bits cannot be guessed, and a whole town may share the
  // address of a carrier.
  function refuse(reply: FastifyReply, look: Look, why: Refusal): FastifyReply {
    q.count(why)
    return q.refused(reply, look, why)
  }

  app.get('/login', async (request, reply) => {
    const look = q.lookOf(request)
    const attempt = beginAttempt(q.clock())
    try {
      const address = await q.client.addressFor(attemptOf(attempt, q.clock())!)
      endOld(request, q)
      const next = nextOf(request, q)
      reply.header('set-cookie', q.cookie.writeAttempt(attempt, { look, next }))
      return await reply.redirect(address, 303)
    } catch (thrown) {
      logProvider(request, thrown)
      return refuse(reply, look, 'away')
    }
  })

  app.get('/login/callback', async (request, reply) => {
    const held = q.cookie.read(request.headers.cookie)
    const given = held !== undefined && 'attempt' in held ? held : undefined
    const look = given?.look ?? q.lookOf(request)
    const attempt = attemptOf(given?.attempt, q.clock())
    const callback = new URL(q.redirectUri)
    callback.search = new URL(request.url, 'http://ignored').search
    // Any website could have sent the browser here: a wrong state neither uses the attempt up nor counts as a
    // failed login.
    if (attempt === undefined || callback.searchParams.get('state') !== attempt.state)
      return refuse(reply, look, 'expired')
    reply.header('set-cookie', q.cookie.clear())
    if (!used.use(attempt.digest)) return refuse(reply, look, 'failed')
    let identity: Identity
    try {
      identity = await q.client.identify(callback, attempt)
    } catch (thrown) {
      const isProvider = asFault(thrown).code === 'login_provider_failed'
      if (isProvider) logProvider(request, thrown)
      return refuse(reply, look, isProvider ? 'away' : 'failed')
    }
    const person = personOf(identity, q.codeOf)
    if (person === undefined) return refuse(reply, look, 'no_code')
    q.count('signed_in')
    const token = q.sessions.begin(person, look)
    reply.removeHeader('set-cookie').header('set-cookie', q.cookie.writeSession(token))
    // A page instead of a redirect: browsers do not send a Strict cookie in a chain of redirects that began
    // at the provider.
    return q.arrived(reply, look, given !== undefined && q.isEntrance(given.next) ? given.next : '/')
  })

  app.post('/logout', async (request, reply) => {
    const held = q.cookie.read(request.headers.cookie)
    const session = held !== undefined && 'session' in held ? q.sessions.find(held.session) : undefined
    if (session !== undefined && !isOfSession(readForm(request), session)) return reply.redirect('/', 303)
    endOld(request, q)
    return reply
      .headers({ 'set-cookie': q.cookie.clear(), 'clear-site-data': '"cache", "storage"' })
      .redirect(`${ENDED}${session === undefined ? '' : choicesOf(session.look)}${TELLS_WINDOWS}`, 303)
  })
}

/**
 * Where the person wants to go. Never out of the portal, and to no page that a stranger's link should open.
 */
export function nextOf(request: FastifyRequest, { isEntrance }: Pick<SignIn, 'isEntrance'>): string {
  const { next } = request.query as Record<string, unknown>
  return typeof next === 'string' && isEntrance(next) ? next : '/'
}

/** The session before is never reused: a token that somebody planted becomes worthless. */
export function endOld(
  { headers }: FastifyRequest,
  { cookie, sessions }: Pick<SignIn, 'cookie' | 'sessions'>,
): void {
  const held = cookie.read(headers.cookie)
  if (held !== undefined && 'session' in held) sessions.end(held.session)
}

function personOf({ claim, name, subject }: Identity, codeOf: SignIn['codeOf']): Person | undefined {
  const code = codeOf(claim)
  // Without a name the provider's subject stands in for it, which nobody would know as their own.
  return code === undefined ? undefined : { code, name: name === subject ? '' : name }
}

function logProvider(request: FastifyRequest, thrown: unknown): void {
  const fault = asFault(thrown)
  request.log.warn({ err: fault, detail: fault.detail }, 'the login provider failed')
}
