/**
 * The service on port 5577: returns the OCSP responses of our own certificates by hash, one part each, in
 * order (pr-messtransp).
 */
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { closeDelimiter, newBoundary, partHead } from '#core/transport/multipart-writer.ts'
import { networkOf } from '#platform/http-service/rate-limit.ts'
import { watchTaking } from '#platform/http-service/watch-taking.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import type { Keys } from '../keys/keys.ts'
import { boundShares } from './bound-shares.ts'

const MAX_HASHES = 10
/** Anybody may ask: open connections must not use up the sockets and files that exchanges need. */
const MAX_CONNECTIONS = 1024
/**
 * A quarter of the connections: a network that opens connections and asks nothing does not shut out peers,
 * which need the responses to begin exchanges.
 */
const MOST_OF_ONE_NETWORK = 256
const HEX_HASH = /^[0-9a-f]{40}$|^[0-9a-f]{64}$/i

/**
 * Makes the service; the caller listens. X-Road's clients send the hashes of the same certificates twice, as
 * SHA-1 and as SHA-256.
 */
export function createOcspByHash(
  keys: Pick<Keys, 'ocspByHash'>,
  { mostOfOne = MOST_OF_ONE_NETWORK } = {},
): FastifyInstance {
  const app = Fastify({ requestTimeout: 10_000, connectionTimeout: 10_000, exposeHeadRoutes: false })
  app.server.maxConnections = MAX_CONNECTIONS
  watchTaking(app.server)
  const take = boundShares(mostOfOne)
  app.server.on('connection', (socket: Socket) => void take(networkOf(socket.remoteAddress ?? ''), socket))
  app.head('/', async (_request, reply) => reply.code(200).send())
  app.get('/', async (request, reply) => {
    const query = new URL(request.url, 'http://localhost').searchParams
    const sha1 = query.getAll('cert')
    const hashes = sha1.length > 0 ? sha1 : query.getAll('cert_hash')
    if (hashes.length === 0 || hashes.length > MAX_HASHES || !hashes.every((hash) => HEX_HASH.test(hash))) {
      return reply
        .code(400)
        .type('text/plain')
        .send('Send 1 to 10 certificate hashes as cert (SHA-1) or cert_hash (SHA-256).')
    }
    const responses = hashes.map((hash) => keys.ocspByHash(hash.toLowerCase()))
    if (responses.some((response) => response === undefined)) {
      return reply
        .code(500)
        .type('text/plain')
        .send('There is no OCSP response for one of these certificates.')
    }
    const boundary = newBoundary('xtop')
    const parts = responses.flatMap((response, i) => [partHead(boundary, PART_TYPE.ocsp, i === 0), response!])
    const type = `multipart/related; type="application/ocsp-response"; charset=UTF-8; boundary=${boundary}`
    return reply
      .code(200)
      .header('content-type', type)
      .send(Buffer.concat([...parts, closeDelimiter(boundary)]))
  })
  return app
}
