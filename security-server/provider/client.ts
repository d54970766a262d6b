/**
 * The door to our own provider systems. Guarantees one attempt per call, no redirects followed, no header
 * added that was not signed but what HTTP itself needs, TLS verified as the service says, and an answer
 * within its time-out. What fails before the system was reached carries the mark NotSent.
 */
import { Agent, buildConnector, type Dispatcher } from 'undici'
import type { HeaderList } from '#core/transport/header-list.ts'
import { flatHeaders } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { TlsIdentity } from '../keys/keys.ts'
import { isKeptHere, type OwnListener, pushAddress } from '../local-systems/check-address.ts'
import type { LocalService } from '../local-systems/local-systems.ts'
import type { Content, Taker } from '../message/body.ts'
import type { SystemAnswer } from '../message/message.ts'
import { createRateCheck } from '../message/minimum-rate.ts'
import { callHttp, type HttpAnswer, type HttpCall, NotBegun } from '../peer/http-call.ts'
import { NotSent } from '../peer/not-sent.ts'
import { connectionOptions, guarded } from './connect-service.ts'

export type ServiceClient = {
  call(q: {
    service: LocalService
    method: string
    /** Absolute URL with the raw path and query. */
    target: string
    headers: HeaderList
    body: Content | undefined
    /** Takes the content of the answer. */
    take(head: Pick<SystemAnswer, 'status' | 'headers'>): Taker<Pick<SystemAnswer, 'message' | 'body'>>
  }): Promise<SystemAnswer>
  /** Connects to the system of this service as for a call, and sends nothing. Throws what a call would. */
  reach(service: LocalService): Promise<void>
  close(): Promise<void>
}

type Call = Parameters<ServiceClient['call']>[0]

const LATE = new Set(['UND_ERR_BODY_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'])
const NO_ENTITY = new Set([204, 205, 304])
/** One for each way of trusting services; more are only left behind by changed certificates. */
const AGENTS_KEPT = 64
const MAX_HEADER_BYTES = 32 * 1024
const SLOWEST_BYTES_PER_SECOND = 1_000_000

export function createServiceClient(settings: {
  connectTimeoutMs: number
  connectionsPerService: number
  /** Our own listeners, which no service may lead back to. */
  own?: readonly OwnListener[]
  /** What we present to systems by HTTPS that ask for a certificate; nothing when absent. */
  identity?: () => TlsIdentity | undefined
}): ServiceClient {
  const agents = new Map<string, Agent>()
  let presented: string | undefined

  /** Another certificate of ours is presented at once: the old connections finish what they carry. */
  function identityNow(): TlsIdentity | undefined {
    const identity = settings.identity?.()
    const chain = identity && [identity.certificate, ...identity.intermediates].map(({ sha256 }) => sha256)
    if (chain?.join() === presented) return identity
    presented = chain?.join()
    for (const agent of agents.values()) agent.close().catch(() => undefined)
    agents.clear()
    return identity
  }

  const connectorFor = (
    { verifyTls, trustedCertificates = [] }: LocalService,
    identity: TlsIdentity | undefined,
  ): buildConnector.connector => {
    const options = connectionOptions({ ...settings, verifyTls, trustedCertificates, identity })
    return guarded((lookup) => buildConnector({ ...options, lookup }), settings.own ?? [])
  }

  function agentFor(service: LocalService): Agent {
    const { verifyTls, trustedCertificates = [] } = service
    const identity = identityNow()
    const key = `${verifyTls} ${trustedCertificates.join('\n')}`
    const known = agents.get(key)
    if (known !== undefined) return known
    const agent = new Agent({
      connections: settings.connectionsPerService,
      pipelining: 1,
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 4_000,
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: connectorFor(service, identity),
    })
    const [oldest] = agents.keys()
    if (agents.size >= AGENTS_KEPT && oldest !== undefined) {
      agents
        .get(oldest)
        ?.close()
        .catch(() => undefined)
      agents.delete(oldest)
    }
    agents.set(key, agent)
    return agent
  }

  return {
    async call(q) {
      const { timeoutMs } = q.service
      try {
        const call: HttpCall = {
          ...split(q.target),
          method: q.method as Dispatcher.HttpMethod,
          headers: flatHeaders(q.body === undefined ? q.headers : [...q.headers, lengthOf(q.body)]),
          body: q.body === undefined ? null : (q.body.bytes ?? q.body.open()),
          // Counts from the last piece that the system took.
          headersTimeout: timeoutMs,
          bodyTimeout: timeoutMs,
        }
        // The answer's head is due within the time-out, waiting for a connection included; then its body has
        // to flow. Of a large body the sending does not count, if it is no slower than this.
        const sendingMs = ((q.body?.size ?? 0) / SLOWEST_BYTES_PER_SECOND) * 1000
        const head = { ms: timeoutMs + sendingMs, late: () => new Fault('service_timeout') }
        return await readAnswer(await callHttp(agentFor(q.service), call, { head }), q)
      } catch (cause) {
        throw failureOf(cause, q.service)
      }
    },
    async reach(service) {
      const to = pushAddress(service.url)
      if (to === undefined && isKeptHere(service.url)) return
      if (service.url === '') throw new Fault('service_missing_url', { what: idText(service.id) })
      const { origin } = split(to ?? service.url)
      const { protocol, hostname, host, port } = new URL(origin)
      const connect = connectorFor(service, identityNow())
      const where = { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port }
      await new Promise<void>((resolve, reject) => {
        connect(where, (failure, socket) => {
          socket?.destroy()
          if (failure === null) resolve()
          else reject(failure)
        })
      })
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()))
    },
  }
}

/** The origin and the raw rest of a URL: `new URL` must not touch the path. */
function split(target: string): { origin: string; path: string } {
  const match = /^(https?:\/\/[^/?#]+)([^#]*)$/i.exec(target)
  if (match === null) throw new NotSent(new Fault('service_malformed_url'))
  const rest = match[2]!
  return { origin: match[1]!, path: rest.startsWith('/') ? rest : `/${rest}` }
}

async function readAnswer(reply: HttpAnswer, q: Call): Promise<SystemAnswer> {
  const coding = reply.headers['transfer-encoding']
  // Taken off with its name, the coding would leave other bytes than the system meant (RFC 9112 6.1).
  if (coding !== undefined && String(coding).toLowerCase() !== 'chunked') {
    reply.content.destroy()
    throw new Fault('service_failed', {
      what: `${idText(q.service.id)}: a transfer coding other than chunked`,
    })
  }
  const answer = { status: reply.statusCode, reason: reply.reason, headers: pairs(reply.rawHeaders) }
  if (q.method === 'HEAD' || NO_ENTITY.has(reply.statusCode)) {
    reply.content.destroy()
    return { ...answer, body: undefined }
  }
  const checkRate = createRateCheck('service_timeout')
  let pending: ReturnType<Call['take']> | undefined
  try {
    const taker = q.take(answer)
    pending = taker
    await reply.content.drainTo((chunk) => {
      checkRate(chunk)
      return taker.write(chunk)
    })
    return { ...answer, ...(await taker.end()) }
  } catch (cause) {
    // Unread it would hold its connection for ever.
    reply.content.destroy()
    await pending?.abort()
    throw cause
  }
}

function pairs(raw: string[]): HeaderList {
  const headers: HeaderList = []
  for (let i = 0; i + 1 < raw.length; i += 2) headers.push([raw[i]!, raw[i + 1]!])
  return headers
}

/** Of a streamed body too: systems that know no chunks take it then, and X-Road says it as well. */
function lengthOf({ size }: Content): [string, string] {
  return ['content-length', String(size)]
}

/**
 * Ours say what they are; of undici's only what did not begin, or what it refuses to, is certain not to have
 * reached the system.
 */
function failureOf(thrown: unknown, service: LocalService): Fault {
  if (thrown instanceof NotBegun) return new NotSent(failureOf(thrown.cause, service))
  const what = idText(service.id)
  const cause = thrown instanceof Fault && thrown.code === 'connection_lost' ? thrown.cause : thrown
  if (cause instanceof Fault && cause.code !== 'service_timeout') return cause
  const code = (cause as { code?: string } | undefined)?.code
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_CLOSED') {
    return new NotSent(new Fault('service_failed', { what, cause }))
  }
  const late = cause instanceof Fault || LATE.has(code ?? '')
  return new Fault(late ? 'service_timeout' : 'service_failed', { what, cause })
}
