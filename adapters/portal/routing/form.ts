/** Forms that people send: what they hold, and that they came from a page of this very session. */
import { timingSafeEqual } from 'node:crypto'
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

/** Whether the form has this session's token. The cookie is Strict besides, so that no other site's form comes with a session. */
export function isOwnForm(form: URLSearchParams, { csrfToken }: Pick<Session, 'csrfToken'>): boolean {
  const [given, expected] = [Buffer.from(form.get(CSRF_FIELD) ?? ''), Buffer.from(csrfToken)]
  return given.length === expected.length && timingSafeEqual(given, expected)
}
