/** Serves a mock: reads the description, listens, answers every request by it, and drains. */
import { randomUUID } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientCheck } from '#adapters/kit/listen.ts'
import { logRequests } from '#adapters/kit/log-requests.ts'
import { MAX_BYTES } from '#core/openapi/read-document.ts'
import type { RestRequest } from '#core/transport/rest-request.ts'
import { createHttpService, UPLOAD_BODY_LIMIT } from '#platform/http-service/create-http-service.ts'
import { answerFault, toFault } from '#platform/http-service/fault-answer.ts'
import { readBytes } from '#platform/http-service/read-bodies.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import type { Running } from '#platform/process/run-process.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { HEADER, REST_METHODS } from '#schemas/wire.ts'
import { openMock } from './open-mock.ts'
import { type MockOptions, urlOf } from './options.ts'
import { MOCK_HEADER } from './question.ts'
import { readAsked } from './read-asked.ts'

type Mock = Awaited<ReturnType<typeof openMock>>

/** Throws `invalid_configuration` for a description or certificate that cannot be read. */
export async function serveMock({ description, listen }: MockOptions, log: Log): Promise<Running> {
  const text = await readText(description)
  const { https, guard } = await clientCheck(listen, log)
  const mock = await openMock(text)
  const app = createHttpService({
    ...{ name: 'mock', log, logRequests: false, bodyLimit: UPLOAD_BODY_LIMIT },
    ...(https && { https }),
  })
  const close = async (): Promise<void> => {
    await app.close()
    await mock.close()
  }
  try {
    guard(app)
    logRequests(app, createMetrics())
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', readBytes)
    app.addHttpMethod('TRACE', { hasBody: true, overrideExisting: true })
    // Also on what is refused before the request is read.
    app.addHook('onRequest', async (_request, reply) => void reply.header(MOCK_HEADER, 'fault'))
    app.route({
      method: [...REST_METHODS],
      url: '/*',
      exposeHeadRoute: false,
      handler: (request, reply) => answer(request, reply, { mock, text }),
    })
    await app.listen({ host: listen.address, port: listen.port })
  } catch (thrown) {
    await close().catch(() => undefined)
    throw thrown
  }
  return { ready: `${description} at ${urlOf(listen)}`, stop: close }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  { mock, text }: { mock: Mock; text: string },
): Promise<FastifyReply> {
  const isExchange = request.originalUrl.startsWith('/r1/')
  let exchange: RestRequest | undefined
  try {
    const asked = readAsked(request)
    ;({ exchange } = asked)
    if (exchange !== undefined) bindTo(exchange, reply)
    if (exchange?.service.serviceCode === 'getOpenAPI') return describe(reply, text)
    const { status, headers, body } = await mock.answer(asked.request)
    for (const [name, value] of headers) reply.header(name, value)
    return reply.code(status).send(body === undefined ? undefined : Buffer.from(body))
  } catch (thrown) {
    if (!isExchange) throw thrown
    // Where a security server stands in the real exchange, the fault is its: the provider's once the request
    // could be read.
    return answerFault(
      reply,
      toFault(thrown),
      exchange === undefined ? 'server.clientproxy' : 'server.serverproxy',
    )
  }
}

/**
 * By these headers a reply belongs to its request (pr-rest); there is no request hash, because nothing was
 * signed.
 */
function bindTo({ client, service, id, userId, issue }: RestRequest, reply: FastifyReply): void {
  reply.header(HEADER.client, idText(client))
  reply.header(HEADER.service, idText(service))
  reply.header(HEADER.id, id ?? randomUUID())
  reply.header(HEADER.requestId, randomUUID())
  if (userId !== undefined) reply.header(HEADER.userId, userId)
  if (issue !== undefined) reply.header(HEADER.issue, issue)
}

function describe(reply: FastifyReply, text: string): FastifyReply {
  const type = text.trimStart().startsWith('{') ? 'application/json' : 'application/yaml'
  return reply.header(MOCK_HEADER, 'description').type(`${type};charset=utf-8`).send(text)
}

async function readText(file: string): Promise<string> {
  try {
    if ((await stat(file)).size > MAX_BYTES) throw new Error('it is larger than 2 MiB')
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (cause) {
    throw new Fault('invalid_configuration', { what: `${file} cannot be read`, cause })
  }
}
