/**
 * The witness at the public listener, with a rate limit, and the operation that shows it to administrators.
 */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { limitRate } from '#platform/http-service/rate-limit.ts'
import type { Witness } from '#platform/witness/create-witness.ts'
import { witnessRoutes } from '#platform/witness/routes.ts'
import type { WitnessStore } from '#platform/witness/store.ts'

const WITNESS_PREFIX = '/witness'

/** Each server submits every few seconds, and many servers may share an address. */
const RATE = { perSecond: 50, perMinute: 1200 }
const LISTED = 1000
/** Each proof may be as large as a submission. */
const PROOFS = 50

export async function publicWitnessRoutes(
  app: FastifyInstance,
  witness: Witness,
  clock: Clock,
): Promise<void> {
  await app.register(async (scope) => {
    limitRate(scope, RATE, clock)
    witnessRoutes(scope, { prefix: WITNESS_PREFIX, witness })
  })
}

export function witnessHandlers(q: {
  witness: Witness | undefined
  store: WitnessStore
}): Record<string, OperationHandler> {
  return {
    getWitness: async () => ({
      verifierKey: q.witness?.verifierKey ?? null,
      logs: (await q.store.logs(LISTED)).map(({ root, ...log }) => ({
        ...log,
        root: root.toString('base64'),
      })),
      refusals: (await q.store.refusals(PROOFS)).map((row) => ({
        origin: row.origin,
        time: row.time,
        isFork: row.is_fork === 1,
        cosigned: row.known_note,
        submission: row.submission.toString('utf8'),
      })),
    }),
  }
}
