/**
 * Coming back with a passkey: `GET /login/passkey` shows what to press, `POST` begins a session by it, `/new`
 * takes a new one of a person who is signed in, `/forget` takes the slip out of the browser. The slip has the
 * prefix __Host-, so that no neighbour of the host puts one of their own there, and signs a person in as
 * somebody else.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createCookies } from '#platform/sessions/cookies.ts'
import type { OneCookie } from '../login/cookie.ts'
import type { Sessions } from '../login/sessions.ts'
import { endOld, type SignIn } from '../login/sign-in.ts'
import { hrefFor, type Place, readerOf } from '../pages/frame.ts'
import { messagePage } from '../pages/welcome.ts'
import { FORM_BYTES, isFromHere, isOfSession, readForm } from '../routing/form.ts'
import type { Reading } from '../routing/reading.ts'
import type { Passkeys } from './create-passkeys.ts'
import { comeBackPage, FORGET, NEW, PASSKEY, SETTING_UP } from './pages.ts'

type PasskeySignIn = Pick<SignIn, 'lookOf' | 'refused' | 'arrived' | 'count'> & {
  passkeys: Passkeys
  cookie: OneCookie
  sessions: Sessions
  place: Place
  reading: Reading
  /** Where browsers reach the portal. */
  origin: string
}

const NAME = 'slip'
const HTML = 'text/html; charset=utf-8'

export function passkeySignInRoutes(app: FastifyInstance, q: PasskeySignIn): void {
  const { passkeys, place } = q
  const cookies = createCookies({ name: 'portal', secure: q.origin.startsWith('https:') })
  const slipOf = ({ headers }: FastifyRequest): string | undefined => cookies.read(headers.cookie, NAME)

  function say(request: FastifyRequest, reply: FastifyReply, of: string, status = 200): FastifyReply {
    const reader = q.reading(request)
    const { words } = reader
    const next = reader.session === undefined ? '/' : SETTING_UP
    const link = { href: hrefFor(next, reader), text: words('passkey.goOn') }
    const page = { title: words(`passkey.${of}.title`), text: words(`passkey.${of}.text`), link }
    return reply
      .code(status)
      .type(HTML)
      .send(messagePage(place, reader, page))
  }

  app.get(PASSKEY, (request, reply) => {
    const slip = slipOf(request)
    const found = { options: passkeys.requestFor(slip), hasSlip: slip !== undefined }
    const reader = readerOf(place, q.lookOf(request), undefined)
    // With the policy of the other pages its forms would not say from where they come.
    reply.header('referrer-policy', 'same-origin')
    return reply.type(HTML).send(comeBackPage(place, reader, found))
  })

  app.post(PASSKEY, { bodyLimit: FORM_BYTES }, async (request, reply) => {
    const look = q.lookOf(request)
    const form = readForm(request)
    const person = isFromHere(request, q.origin) ? await passkeys.signIn(slipOf(request), form) : 'expired'
    if (typeof person === 'string') {
      q.count(person)
      return q.refused(reply, look, person)
    }
    endOld(request, q)
    q.count('signed_in')
    const token = q.sessions.begin(person, look, 'passkey')
    reply.header('set-cookie', q.cookie.writeSession(token))
    return q.arrived(reply, look, '/')
  })

  app.post(NEW, { bodyLimit: FORM_BYTES }, async (request, reply) => {
    const { session } = q.reading(request)
    const form = readForm(request)
    if (session === undefined || !isOfSession(form, session)) return reply.redirect(SETTING_UP, 303)
    if (!passkeys.mayAdd(session)) return say(request, reply, 'stale', 403)
    const made = await passkeys.add(session, form)
    if (typeof made === 'string') return say(request, reply, 'notMade', 403)
    // What the session was meanwhile ended for is not done.
    if (session.ended.aborted) return reply.redirect('/', 303)
    reply.header('set-cookie', cookies.write(NAME, made.slip, 'Strict', made.seconds))
    return say(request, reply, 'made')
  })

  app.post(FORGET, (request, reply) => {
    if (!isFromHere(request, q.origin)) return reply.redirect(PASSKEY, 303)
    if (slipOf(request) !== undefined) reply.header('set-cookie', cookies.clear(NAME, 'Strict'))
    return say(request, reply, 'forgotten')
  })
}
