/** Answers the looks of CAs (RFC 8555 8.3). Anybody may ask, so only a token that waits is answered. */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import { iso } from './rooms.ts'
import type { RenewalStore } from './store.ts'

const TOKEN = /^[A-Za-z0-9_-]{1,200}$/

export function answerChallenges(
  app: FastifyInstance,
  store: Pick<RenewalStore, 'challenge'>,
  clock: Clock,
): void {
  app.get<{ Params: { token: string } }>('/.well-known/acme-challenge/:token', async ({ params }, reply) => {
    const answer = TOKEN.test(params.token) ? await store.challenge(params.token, iso(clock())) : undefined
    if (answer === undefined) return reply.code(404).type('text/plain').send('')
    return reply.type('application/octet-stream').send(answer)
  })
}
