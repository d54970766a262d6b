/**
 * The routes for partners at the peer listener, below PEER_PREFIX: this server as a witness of their logs,
 * and the key and proofs of its own log. Only registered servers may call them. What a call can change
 * depends on the signatures in it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { answerFault, toFault } from '#platform/http-service/fault-answer.ts'
import { readBytes } from '#platform/http-service/read-bodies.ts'
import type { Witness } from '#platform/witness/create-witness.ts'
import { witnessRoutes } from '#platform/witness/routes.ts'
import { Fault } from '#schemas/fault.ts'
import { WITNESS_TYPE } from '#schemas/log-key.ts'
import { say } from '#schemas/said.ts'
import { writeProof } from './partners/proof-text.ts'
import { PEER_PREFIX } from './transport.ts'

type Rooms = {
  /** Undefined when this server is no witness. */
  witness: Witness | undefined
  statement(): Promise<Buffer>
  proveConsistency(first: number, second: number): Promise<Buffer[]>
  /** Throws unless a registered server asks, and within its limit of calls. */
  guard(request: FastifyRequest): void
}

const SIZE = /^(?:0|[1-9][0-9]{0,14})$/

/** Has a scope of its own, because the listener's other route must not parse bodies. */
export function peerWitnessRoutes(app: FastifyInstance, rooms: Rooms): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', readBytes)
    scope.setErrorHandler((cause, _request, reply) => answerFault(reply, toFault(cause), undefined))
    const onRequest = async (request: FastifyRequest): Promise<void> => rooms.guard(request)
    if (rooms.witness !== undefined)
      witnessRoutes(scope, { prefix: PEER_PREFIX, witness: rooms.witness, guard: rooms.guard })
    scope.get(`${PEER_PREFIX}/log-key`, { onRequest }, async (_request, reply) =>
      reply.header('content-type', WITNESS_TYPE.statement).send(await rooms.statement()),
    )
    scope.get(
      `${PEER_PREFIX}/consistency-proof`,
      { onRequest },
      async ({ query }, reply): Promise<FastifyReply> => {
        const [first, second] = ['first', 'second'].map((name) =>
          sizeOf((query as Record<string, unknown>)[name]),
        )
        return reply.type('text/plain').send(writeProof(await rooms.proveConsistency(first!, second!)))
      },
    )
  })
}

function sizeOf(text: unknown): number {
  if (typeof text !== 'string' || !SIZE.test(text))
    throw new Fault('invalid_input', { what: say`a size of a tree` })
  return Number(text)
}
