/** A peer's listener and a client for it, with the real plugin and real sockets. */

import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import { readStream } from '#core/transport/read-stream.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import {
  createPeerClient,
  type PeerClient,
  type PeerClientSettings,
  type PeerReply,
  type PeerRequest,
} from './client.ts'
import { chainOf, mutualTls, mutualTlsOptions } from './mutual-tls.ts'
import { NotSent } from './not-sent.ts'
import { createOcspByHash } from './ocsp-by-hash.ts'
import { type PeerWorld, POPULATION, type Server } from './peer-fixture.ts'
import { createPeerVerifier } from './verify-peer.ts'

export const PORTS = { messagePort: 5500, ocspPort: 5577 }
export const REQUEST: PeerRequest = {
  provider: POPULATION,
  headers: { 'content-type': 'text/plain' },
  content: () => Buffer.from('x'),
}
export type Answer = (request: FastifyRequest, reply: FastifyReply) => unknown

/**
 * Starts a peer's listener with the real plugin. `answer` makes the answers, `asked` counts the requests that
 * arrived.
 */
export async function listen(
  t: Test,
  world: PeerWorld,
  server: Server,
  o: { answer?: Answer; ocsp?: boolean; tls12?: string[]; mostOfOne?: number; mostHandshakes?: number } = {},
): Promise<{ app: FastifyInstance; asked: () => number; server: Server }> {
  const { globalConfiguration } = world
  const rooms = {
    keys: server.keys,
    globalConfiguration: globalConfiguration as never,
    xroadTlsPeers: new Set(o.tls12),
  }
  const app = Fastify({ https: mutualTlsOptions(rooms) } as object) as unknown as FastifyInstance
  mutualTls(app, rooms, o)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  let asked = 0
  app.post('/', async (request, reply) => {
    asked += 1
    chainOf(request)
    if (o.answer !== undefined) return o.answer(request, reply)
    request.raw.resume()
    return reply.send('fine')
  })
  await app.listen({ host: server.address, port: PORTS.messagePort })
  t.teardown(() => app.close())
  if (o.ocsp !== false) {
    const responder = createOcspByHash(server.keys)
    await responder.listen({ host: server.address, port: PORTS.ocspPort })
    t.teardown(() => responder.close())
  }
  return { app, asked: () => asked, server }
}

/** The tax agency's client of other security servers. */
export function clientOf(
  t: Test,
  world: PeerWorld,
  more: Partial<PeerClientSettings> & { tls12?: string[] } = {},
): PeerClient {
  const { globalConfiguration, consumer, clock } = world
  const { tls12 = [], ...settings } = more
  const client = createPeerClient(
    {
      keys: consumer.keys,
      globalConfiguration,
      verifyPeer: createPeerVerifier(),
      xroadTlsPeers: new Set(tls12),
      clock,
    },
    {
      ...PORTS,
      // Longer than any busy machine needs; tests of an expiry pass their own values.
      connectTimeoutMs: 60_000,
      replyTimeoutMs: 60_000,
      idleTimeoutMs: 5_000,
      connectionsPerPeer: 4,
      ...settings,
    },
  )
  t.teardown(() => client.close())
  return client
}

export async function bytesOf(content: PeerReply['content']): Promise<Buffer> {
  const chunks: Buffer[] = []
  await readStream(content, (chunk) => void chunks.push(chunk))
  return Buffer.concat(chunks)
}

export const textOf = async (content: PeerReply['content']): Promise<string> =>
  (await bytesOf(content)).toString()

/** Asserts that the promise fails with this code, before or after the first byte was sent. */
export async function fails(
  t: Test,
  promise: Promise<unknown>,
  code: string,
  sent: boolean,
  what = code,
): Promise<void> {
  const fault = asFault(
    await promise.then(
      () => new Fault('internal_error', { what: 'it did not fail' }),
      (cause: unknown) => cause,
    ),
  )
  t.equal(fault.code, code, `${what}: ${fault.what} ${fault.cause}`)
  t.equal(fault instanceof NotSent, !sent, sent ? 'it may have been carried out' : 'it was not sent')
}

/** Makes ss2 the only server of the provider. */
export const onlySs2 = (world: PeerWorld): void =>
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) =>
      one.id.serverCode === 'ss3' ? { ...one, clients: [] } : one,
    ),
  }))
