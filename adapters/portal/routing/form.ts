/**
 * Forms that people send: what they hold, and that they came from a page of this very session, shown for whom
 * the person still acts.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Session } from '../login/sessions.ts'

/** Of one form, encoded. */
export const FORM_BYTES = 64 * 1024
/** The hidden field that a page puts into each of its forms. */
export const CSRF_FIELD = 'csrf'

/** The fields of `application/x-www-form-urlencoded`; none for any other body. */
export function readForm(request: FastifyRequest): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded *(;|$)/i.test(request.headers['content-type'] ?? '')
  return new URLSearchParams(isForm && Buffer.isBuffer(request.body) ? request.body.toString() : '')
}

type Shown = Pick<Session, 'csrfToken' | 'acting'>

/** What the forms of a page hold: the session's token, and a digest of whom the page is about. */
export function formToken({ csrfToken, acting }: Shown): string {
  const about = createHmac('sha256', csrfToken)
    .update(acting?.code ?? '')
    .digest('base64url')
  return `${csrfToken}.${about}`
}

/**
 * Whether a page of this session showed the form, for whom the person acts now: what was shown for one is not
 * done for another. The cookie is Strict besides, so that no other site's form comes with a session.
 */
export function isOwnForm(form: URLSearchParams, session: Shown): boolean {
  return isSame(form.get(CSRF_FIELD) ?? '', formToken(session))
}

/** The same for a form that is about the session alone, for whomever it was shown. */
export function isOfSession(form: URLSearchParams, { csrfToken }: Shown): boolean {
  return isSame(form.get(CSRF_FIELD)?.split('.')[0] ?? '', csrfToken)
}

/**
 * Whether a page of the portal sent it, by what the browser says: for forms of people without a session. To
 * Strict cookies a neighbour of the host is no other site. Browsers of before Fetch Metadata say it in
 * Origin.
 */
export function isFromHere({ headers }: Pick<FastifyRequest, 'headers'>, origin: string): boolean {
  const site = headers['sec-fetch-site']
  return site === undefined ? headers.origin === origin : site === 'same-origin'
}

function isSame(one: string, other: string): boolean {
  const [given, expected] = [Buffer.from(one), Buffer.from(other)]
  return given.length === expected.length && timingSafeEqual(given, expected)
}
