/**
 * Logging in and out: `GET /login` to the provider, `GET /login/callback` back with a session,
 * `POST /logout`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { asFault } from '#schemas/fault.ts'
import { ATTEMPT_SECONDS, attemptOf, beginAttempt } from './attempt.ts'
import type { Authenticate } from './authenticate.ts'
import type { Identity, OpenIdClient } from './client.ts'
import type { Cookies } from './cookies.ts'
import type { Sessions } from './create-sessions.ts'
import type { FailedTries } from './failed-tries.ts'
import { sendPage } from './pages.ts'
import type { Refusals } from './refusals.ts'
import type { SessionStore } from './store.ts'

/** The person's id here, or why the person is refused. `id` is absent for a stranger. */
export type Admission = { id: string; name: string } | { refused: string; id?: string; name?: string }

type Rooms = {
  client: OpenIdClient
  sessions: Sessions
  logins: Pick<SessionStore, 'useLogin'>
  cookies: Cookies
  authenticate: Authenticate
  admit(identity: Identity): Promise<Admission>
  admitted(person: string): Promise<void>
  failed: FailedTries
  refusals: Refusals
  audit: Pick<AuditLog, 'before'>
  clock: Clock
  /** The address to which the provider sends browsers back. */
  redirectUri: string
  /** The contact for people who are refused. */
  contact: string
}

const AGAIN = { href: '/login', text: 'Log in again' }

export function loginRoutes(app: FastifyInstance, rooms: Rooms): void {
  const { client, cookies, sessions, failed, refusals, audit, clock } = rooms

  /** The page for an address whose logins are blocked; undefined if the address may try. */
  function refuseForNow(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
    const wait = failed.waitSeconds(request.socket.remoteAddress ?? '')
    if (wait === 0) return undefined
    return sendPage(reply.header('retry-after', wait), 429, {
      title: 'Too many failed logins',
      paragraphs: [
        `Too many logins from your address have failed. Try again in ${Math.ceil(wait / 60)} minutes.`,
      ],
    })
  }

  function refuse(reply: FastifyReply, reason: string): FastifyReply {
    refusals.count(reason)
    return sendPage(reply, 403, {
      title: 'You are not logged in',
      paragraphs: [...(TEXTS[reason] ?? TEXTS['failed']!), `Who can help: ${rooms.contact}`],
      link: AGAIN,
    })
  }

  /** Refuses a real attempt to log in and counts it: too many block the address. */
  function fail(request: FastifyRequest, reply: FastifyReply, reason: string): FastifyReply {
    failed.count(request.socket.remoteAddress ?? '')
    return refuse(reply, reason)
  }

  /** The answer for people; programs get registerOpenApi's faults. */
  function providerFailed(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
    const fault = asFault(thrown)
    request.log.warn({ err: fault, detail: fault.detail }, 'the login provider failed')
    return sendPage(reply, fault.status, {
      title: 'The login is not available',
      paragraphs: [fault.message, `Detail: ${fault.detail}`, `Who can help: ${rooms.contact}`],
      link: AGAIN,
    })
  }

  app.get('/login', async (request, reply) => {
    const refused = refuseForNow(request, reply)
    if (refused !== undefined) return refused
    const cookie = beginAttempt(clock())
    let address: string
    try {
      address = await client.addressFor(attemptOf(cookie, clock())!)
    } catch (thrown) {
      return providerFailed(request, reply, thrown)
    }
    // Lax: the provider's redirect back is a navigation from another site.
    reply.header('set-cookie', cookies.write('login', cookie, 'Lax', ATTEMPT_SECONDS))
    return reply.header('referrer-policy', 'no-referrer').redirect(address, 303)
  })

  app.get('/login/callback', async (request, reply) => {
    const refused = refuseForNow(request, reply)
    if (refused !== undefined) return refused
    const attempt = attemptOf(cookies.read(request.headers.cookie, 'login'), clock())
    if (attempt === undefined) return refuse(reply, 'expired')
    const callback = new URL(rooms.redirectUri)
    callback.search = new URL(request.url, 'http://ignored').search
    // Any website could have sent the browser here before this check. So a wrong state must not use up the
    // attempt, nor count as a failed login.
    if (callback.searchParams.get('state') !== attempt.state) return refuse(reply, 'state')
    reply.header('set-cookie', cookies.clear('login', 'Lax'))
    const at = clock()
    const forgetBefore = new Date(at - 2 * ATTEMPT_SECONDS * 1000).toISOString()
    if (!(await rooms.logins.useLogin(attempt.digest, new Date(at).toISOString(), forgetBefore)))
      return fail(request, reply, 'replayed')
    let identity: Identity
    try {
      identity = await client.identify(callback, attempt)
    } catch (thrown) {
      const fault = asFault(thrown)
      if (fault.code !== 'login_failed') return providerFailed(request, reply, fault)
      request.log.info({ err: fault, detail: fault.detail }, 'a login failed')
      return fail(request, reply, 'failed')
    }
    const person = await rooms.admit(identity)
    if ('refused' in person) {
      const { id, name = '', refused: reason } = person
      if (id !== undefined)
        await audit.before({
          caller: { id, name },
          operation: 'loginRefused',
          target: '/login',
          data: { reason },
        })
      return fail(request, reply, reason)
    }
    await audit.before({ caller: person, operation: 'login', target: '/login' })
    await rooms.admitted(person.id)
    await beginSession(request, reply, rooms, person.id)
    // A page instead of a redirect: browsers do not send a Strict cookie in a chain of redirects that began
    // at the provider.
    return sendPage(reply, 200, {
      title: 'You are logged in',
      paragraphs: [`Welcome, ${person.name}.`],
      link: { href: '/console/', text: 'Go on' },
      next: '/console/',
    })
  })

  app.post('/logout', async (request, reply) => {
    const caller = await rooms.authenticate(undefined, request)
    await audit.before({ caller, operation: 'logout', target: '/logout' })
    await sessions.end(cookies.read(request.headers.cookie, 'session')!)
    reply.header('set-cookie', cookies.clear('session', 'Strict'))
    return reply.code(204).send()
  })
}

/** Gives the browser a session of this person, which the passkey began or, without one, the provider. */
export async function beginSession(
  request: FastifyRequest,
  reply: FastifyReply,
  { cookies, sessions }: Pick<Rooms, 'cookies' | 'sessions'>,
  person: string,
  passkey?: string,
): Promise<void> {
  // The session before the login is never reused: a token that an attacker planted becomes worthless.
  const old = cookies.read(request.headers.cookie, 'session')
  if (old !== undefined) await sessions.end(old)
  reply.header('set-cookie', cookies.write('session', await sessions.begin(person, passkey), 'Strict'))
}

const TEXTS: Record<string, string[]> = {
  expired: ['The login took longer than ten minutes, or it was begun in another browser.'],
  state: ['This answer of the login provider belongs to another login.'],
  replayed: ['This login was used already.'],
  failed: ['The login provider did not confirm who you are.'],
  unknown: ['The login provider knows you, but nobody has invited you here.', 'Ask to be invited.'],
  locked: ['Your access is locked.', 'Ask why, and to have it unlocked.'],
  removed: ['Your access was taken away.', 'Ask to be invited again if that is wrong.'],
}
