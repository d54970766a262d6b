/**
 * Answers the looks of CAs (RFC 8555 8.3). Anybody may ask, so only a token that waits is answered, an
 * address asks so often and no more, and what waits is read from the database once a second at most, however
 * many ask.
 */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import { createCounter, type RateLimit } from '#platform/http-service/rate-limit.ts'
import { KNOWN_AFTER_MS } from './proofs.ts'
import { iso } from './rooms.ts'
import type { RenewalStore } from './store.ts'

const RATE: RateLimit = { perSecond: 50, perMinute: 1000 }
const TOKEN = /^[A-Za-z0-9_-]{1,200}$/

export function answerChallenges(
  app: FastifyInstance,
  store: Pick<RenewalStore, 'challenges'>,
  clock: Clock,
): void {
  const { take } = createCounter(RATE, clock)
  let kept: { at: number; waiting: Promise<Map<string, string>> } | undefined

  function waiting(): Promise<Map<string, string>> {
    if (kept === undefined || performance.now() - kept.at >= KNOWN_AFTER_MS) {
      kept = { at: performance.now(), waiting: store.challenges(iso(clock())) }
      // A database that does not answer is asked again by who comes after a second.
      kept.waiting.catch(() => undefined)
    }
    return kept.waiting
  }

  app.addHook('onRequest', async ({ socket }, reply) => {
    const waitSeconds = take(socket.remoteAddress ?? '')
    if (waitSeconds > 0) return reply.code(429).header('retry-after', waitSeconds).type('text/plain').send('')
  })
  app.get<{ Params: { token: string } }>('/.well-known/acme-challenge/:token', async ({ params }, reply) => {
    const answer = TOKEN.test(params.token) ? (await waiting()).get(params.token) : undefined
    if (answer === undefined) return reply.code(404).type('text/plain').send('')
    return reply.type('application/octet-stream').send(answer)
  })
}
