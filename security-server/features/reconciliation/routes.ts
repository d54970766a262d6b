/**
 * The endpoint of reconciliation on the listener for peers. Guarantees that a question is read only if it
 * comes from a registered security server, by mutual TLS 1.3 and with a fresh OCSP status. Other callers are
 * refused.
 */
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { publicFault, toFault } from '#platform/http-service/fault-answer.ts'
import { readBytes } from '#platform/http-service/read-bodies.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { parseMemberId, parseServerId, type ServerId } from '#schemas/identifiers.ts'
import {
  RECONCILIATION_LIMITS,
  RECONCILIATION_PATH,
  type ReconciliationQuestion,
} from '#schemas/reconciliation.ts'
import { pauseIdleTimeout } from '../../peer/idle-timeout.ts'
import { factsOf } from '../../peer/log-facts.ts'
import { chainOf } from '../../peer/mutual-tls.ts'
import { instancesOf } from '../../peer/verify-peer.ts'
import { outOfOrder } from './progress.ts'
import type { Respond } from './respond.ts'
import type { ReconciliationRooms } from './rooms.ts'

const MAX_DEPTH = 12

type RouteRooms = Pick<
  ReconciliationRooms,
  'clock' | 'globalConfiguration' | 'verifyPeer' | 'shapes' | 'store'
> & {
  respond: Respond
  /** Claims a place for a question and returns the function that frees it. Throws `too_many_requests`. */
  quota: { enter(server: ServerId): () => void }
}

export function reconciliationRoutes(app: FastifyInstance, rooms: RouteRooms, log: Log): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', readBytes)
    scope.setErrorHandler((cause, request, reply) => refuse(toFault(cause), request, reply, log))
    scope.post(
      RECONCILIATION_PATH,
      {
        bodyLimit: RECONCILIATION_LIMITS.bytes,
        onRequest: async (request: FastifyRequest) => checkConnection(request, rooms),
      },
      async (request, reply) => {
        const hurryAgain = pauseIdleTimeout(request.raw)
        try {
          return await reply.type('application/json; charset=utf-8').send(await answer(request, rooms))
        } finally {
          hurryAgain()
        }
      },
    )
  })
}

/**
 * Runs before the body is read. Throws unless the client certificate belongs to a registered server and TLS
 * is 1.3.
 */
function checkConnection(request: FastifyRequest, { globalConfiguration }: RouteRooms): void {
  instancesOf(chainOf(request)[0], globalConfiguration.current())
  const protocol = (request.raw.socket as TLSSocket).getProtocol()
  if (protocol !== 'TLSv1.3') throw new Fault('tls_profile_not_allowed', { what: `it came by ${protocol}` })
}

async function answer(request: FastifyRequest, rooms: RouteRooms): Promise<string> {
  const limits = { maxLength: RECONCILIATION_LIMITS.bytes, maxDepth: MAX_DEPTH }
  const { ocspResponses, question } = rooms.shapes.envelope(parseStrictJson(request.body as Buffer, limits))
  const presented = chainOf(request)
  const snapshot = rooms.globalConfiguration.current()
  const [instance, ...others] = instancesOf(presented[0], snapshot)
  const { server } = rooms.verifyPeer({
    ...{ presented, snapshot, at: rooms.clock() },
    instance: others.length === 0 ? instance : await instanceOf(question, rooms),
    ocspResponses: ocspResponses.map((one) => Buffer.from(one, 'base64')),
  })
  const leave = rooms.quota.enter(server.id)
  try {
    return JSON.stringify(await rooms.respond(server.id, question))
  } finally {
    leave()
  }
}

/**
 * For whose members the asker speaks: of several registries that have its certificate, only that instance's
 * counts.
 */
async function instanceOf(question: ReconciliationQuestion, { store }: RouteRooms): Promise<string> {
  if (question.step === 'open') return parseMemberId(question.members.own).instance
  const session = await store.bySession(question.session)
  if (session === undefined) throw outOfOrder()
  return parseServerId(session.peer_server).instance
}

function refuse(fault: Fault, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  log.info({ half: 'reconciliation', from: request.ip, ...factsOf(fault) }, 'refused')
  return reply
    .code(fault.status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(publicFault(fault, undefined)))
}
