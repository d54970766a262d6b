/**
 * Passes requests to the system and its answers back, bodies as streams within their bounds. The system's
 * status passes as it is, but for redirects: nobody follows one.
 */
import type { IncomingMessage } from 'node:http'
import { type Readable, Transform } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { System, SystemAnswer, SystemCall } from '#adapters/kit/system/open-system.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { Fault } from '#schemas/fault.ts'
import type { answerHeaders, requestHeaders } from './headers.ts'
import type { Mapped } from './target.ts'

type Q = {
  base: string
  system: System
  paths: Mapped[]
  requestBytes: number
  toSystem: ReturnType<typeof requestHeaders>
  toClient: ReturnType<typeof answerHeaders>
}

/** A body up to this size is whole before the call, which can then be sent a second time with a new token. */
const SMALL_BYTES = 65_536
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])
const NO_BODY: ReadonlySet<number> = new Set([204, 304])

export function passRoutes(app: FastifyInstance, q: Q): void {
  // A scope of its own, whose bodies are not parsed.
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    for (const mapped of q.paths)
      scope.route({
        method: mapped.settings.methods,
        url: q.base + mapped.route,
        exposeHeadRoute: false,
        handler: (request, reply) => pass(request, reply, mapped, q),
      })
  })
}

async function pass(
  request: FastifyRequest,
  reply: FastifyReply,
  mapped: Mapped,
  q: Q,
): Promise<FastifyReply> {
  const target = mapped.target(request.raw.url ?? '', q.base)
  const headers = q.toSystem(request.headers)
  const answer = await callWithBody(request, { target, headers }, q)
  try {
    return send(reply, answer, request.method === 'HEAD', q)
  } catch (thrown) {
    letGo(answer)
    throw thrown
  }
}

function send(reply: FastifyReply, answer: SystemAnswer, isHead: boolean, q: Q): FastifyReply {
  const { status, body, headers: given } = answer
  const isRedirect = status >= 300 && status < 400 && status !== 304
  if (isRedirect) throw failed(`it redirects (${status}), and nobody follows`)
  if (status > 599) throw failed(`it answered ${status}, which is no status`)
  for (const [name, value] of Object.entries(q.toClient(given)))
    if (value !== undefined) reply.header(name, value)
  reply.code(status)
  const length = given['content-length']
  if (typeof length === 'string' && !NO_BODY.has(status)) reply.header('content-length', length)
  if (!isHead && !NO_BODY.has(status)) return reply.send(body)
  letGo(answer)
  return reply.send()
}

function letGo({ body }: SystemAnswer): void {
  body.on('error', () => undefined).destroy()
}

function failed(why: string): Fault {
  return new Fault('source_failed', { cause: new Error(why) })
}

type Call = Pick<SystemCall, 'target' | 'headers'>

async function callWithBody(request: FastifyRequest, call: Call, q: Q) {
  const method = request.method as SystemCall['method']
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && (length === undefined || Number(length) === 0)) {
    // RFC 9110 section 8.6: a method that may have a body says that it has none.
    const empty: Record<string, string> = WITH_BODY.has(method) ? { 'content-length': '0' } : {}
    return q.system.call({ ...call, method, headers: { ...call.headers, ...empty } })
  }
  if (!WITH_BODY.has(method))
    throw new Fault('invalid_content_type', { what: `${method} takes no body at all` })
  if (Number(length ?? 0) > q.requestBytes) throw tooLarge(q.requestBytes)
  if (length !== undefined && Number(length) <= SMALL_BYTES)
    return q.system.call({ ...call, method, body: await readWhole(request) })
  const body = bounded(request.raw, q.requestBytes)
  const sized: Record<string, string> = length === undefined ? {} : { 'content-length': length }
  try {
    return await q.system.call({ ...call, method, headers: { ...call.headers, ...sized }, body })
  } catch (thrown) {
    body.destroy()
    throw thrown
  }
}

async function readWhole(request: FastifyRequest): Promise<Buffer> {
  const { write, bytes } = collectBytes(SMALL_BYTES, () => tooLarge(SMALL_BYTES))
  for await (const piece of request.raw as AsyncIterable<Buffer>) write(piece)
  return bytes()
}

/**
 * The body as it arrives; ends with `body_too_large` where it is. What nobody reads is read away, so that the
 * answer arrives.
 */
function bounded(source: IncomingMessage, most: number): Readable {
  let bytes = 0
  const counted = new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length
      if (bytes > most) done(tooLarge(most))
      else done(null, piece)
    },
  })
  counted.on('error', () => undefined)
  counted.once('close', () => source.unpipe(counted).resume())
  // Half a body must not look like a whole one.
  source.once('close', () => source.complete || counted.destroy(new Error('the client broke off')))
  return source.pipe(counted)
}

function tooLarge(most: number): Fault {
  return new Fault('body_too_large', { what: `it has more than ${most} bytes` })
}
