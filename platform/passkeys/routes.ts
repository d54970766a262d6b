/**
 * Signing in with a passkey: `GET /login/means` says whether that is possible here,
 * `POST /login/passkey/challenge` gives this browser a challenge, `POST /login/passkey` takes the answer and
 * begins a session.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Doorway } from '#platform/sessions/create-login.ts'
import { beginSession } from '#platform/sessions/routes.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { CHALLENGE_SECONDS } from './challenge.ts'
import type { Passkeys } from './create-passkeys.ts'
import { answerIn } from './read-answer.ts'
import { WHY } from './why-refused.ts'

const COOKIE = 'passkey'
const BODY_LIMIT = 8 * 1024

export function passkeyRoutes(
  app: FastifyInstance,
  door: Doorway,
  q: {
    passkeys: Passkeys
    audit: Pick<AuditLog, 'before'>
    /** Scheme, host and port under which people sign in; at other addresses of this listener they do not. */
    origin: string
    /** Whether whoever logs in can become an administrator by a code of the operator now. */
    takesCode(): Promise<boolean>
  },
): void {
  const { cookies, failed, refusals } = door
  const { passkeys } = q
  app.get('/login/means', async () => ({
    ...{ provider: true, origin: q.origin, passkeys: passkeys.isInUse, takesCode: await q.takesCode() },
  }))
  if (!passkeys.isInUse) return

  const checkMayTry = (request: FastifyRequest): void =>
    failed.check(request.socket.remoteAddress ?? '', say`too many failed logins`)

  app.post('/login/passkey/challenge', { bodyLimit: BODY_LIMIT }, async (request, reply) => {
    checkMayTry(request)
    const given = await passkeys.challenge()
    reply.header('set-cookie', cookies.write(COOKIE, given.challenge, 'Strict', CHALLENGE_SECONDS))
    return given
  })

  app.post('/login/passkey', { bodyLimit: BODY_LIMIT }, async (request, reply) => {
    checkMayTry(request)
    const given = answerIn(request.body)
    const challenge = cookies.read(request.headers.cookie, COOKIE) ?? ''
    const person = await passkeys.signIn(given, challenge)
    const { id, name = '', passkey } = person
    if ('refused' in person) {
      const { refused: reason } = person
      refusals.count(reason)
      failed.count(request.socket.remoteAddress ?? '')
      if (id === undefined) throw new Fault('passkey_refused')
      const data = { reason, passkey }
      await q.audit.before({
        caller: { id, name },
        operation: 'loginRefused',
        target: '/login/passkey',
        data,
      })
      throw new Fault('passkey_refused', { what: WHY[reason] })
    }
    await q.audit.before({
      ...{ caller: { id: person.id, name }, operation: 'login', target: '/login/passkey' },
      data: { passkey },
    })
    await beginSession(request, reply, door, person.id, person.passkey.id)
    return reply.code(204).send()
  })
}
