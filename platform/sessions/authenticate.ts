/**
 * Identifies the caller: the holder of an API key, or a person in a session. If a request has an
 * Authorization header, only that counts. A request in a session that changes something needs the session's
 * CSRF token.
 */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { Cookies } from './cookies.ts'
import type { Sessions } from './create-sessions.ts'

/** The person's current name and roles; undefined if the person has no access any more. */
export type FindPerson = (id: string) => Promise<{ name: string; roles: string[] } | undefined>

/** For registerOpenApi and logout. */
export type Authenticate = (authorization: string | undefined, request: FastifyRequest) => Promise<Caller>

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

export function createAuthenticate(q: {
  apiKeys: Pick<ApiKeys, 'authenticate'>
  sessions: Pick<Sessions, 'find'>
  findPerson: FindPerson
  cookies: Cookies
}): Authenticate {
  return async (authorization, request) => {
    if (authorization !== undefined)
      return await q.apiKeys.authenticate(authorization, request.socket.remoteAddress)
    const token = q.cookies.read(request.headers.cookie, 'session')
    if (token === undefined) throw new Fault('unauthorized')
    const session = await q.sessions.find(token)
    const person = session === undefined ? undefined : await q.findPerson(session.person)
    if (session === undefined || person === undefined) throw new Fault('session_ended')
    const { person: id, ...its } = session
    if (!READING.has(request.method)) checkCsrfToken(request.headers['x-csrf-token'], its.csrfToken)
    return { kind: 'person', id, ...person, session: its }
  }
}

function checkCsrfToken(given: string | string[] | undefined, wanted: string): void {
  const [a, b] = [Buffer.from(String(given)), Buffer.from(wanted)]
  if (a.length !== b.length || !timingSafeEqual(a, b)) throw new Fault('csrf_token_invalid')
}
