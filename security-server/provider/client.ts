/**
 * The door to our own provider systems. Guarantees one attempt per call, no redirects followed, no header added that was
 * not signed but what HTTP itself needs, TLS verified as the service says, and an answer within its time-out.
 */
import { lookup as resolve } from 'node:dns'
import { isIPv6, type LookupFunction } from 'node:net'
import { Agent, type Dispatcher } from 'undici'
import type { HeaderList } from '#core/transport/rest-message.ts'
import { flatHeaders } from '#core/transport/rest-message.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { LocalService } from '../local-systems/local-systems.ts'
import type { Body, BodySpool } from '../peer/message.ts'
import type { SystemAnswer } from './call.ts'

export type ServiceClient = {
  call(q: {
    service: LocalService
    method: string
    /** Absolute URL with the raw path and query. */
    target: string
    headers: HeaderList
    body: Body | undefined
    spool: BodySpool
    maxBodyBytes: number
  }): Promise<SystemAnswer>
  close(): Promise<void>
}

const NO_ENTITY = new Set([204, 205, 304])

export function createServiceClient(settings: {
  connectTimeoutMs: number
  connectionsPerService: number
}): ServiceClient {
  const agents = new Map<string, Agent>()

  function agentFor(service: LocalService): Agent {
    const trusted = service.trustedCertificates?.join('\n')
    const key = `${service.verifyTls} ${trusted ?? ''}`
    let agent = agents.get(key)
    if (agent === undefined) {
      agent = new Agent({
        connections: settings.connectionsPerService,
        pipelining: 1,
        keepAliveTimeout: 4_000,
        keepAliveMaxTimeout: 4_000,
        connect: {
          timeout: settings.connectTimeoutMs,
          rejectUnauthorized: service.verifyTls,
          maxCachedSessions: 0,
          allowH2: false,
          lookup: guardedLookup,
          ...(trusted === undefined || trusted === '' ? {} : { ca: trusted }),
        },
      })
      agents.set(key, agent)
    }
    return agent
  }

  return {
    async call(q) {
      const { origin, path } = split(q.target, q.service)
      const signal = AbortSignal.timeout(q.service.timeoutMs)
      try {
        const reply = await agentFor(q.service).request({
          origin,
          path,
          method: q.method as Dispatcher.HttpMethod,
          headers: flatHeaders(q.headers),
          body: q.body === undefined ? null : (q.body.bytes ?? q.body.open()),
          headersTimeout: q.service.timeoutMs,
          bodyTimeout: q.service.timeoutMs,
          responseHeaders: 'raw',
          signal,
        })
        return await readAnswer(reply, q)
      } catch (cause) {
        if (cause instanceof Fault) throw cause
        throw failureOf(cause, q.service)
      }
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()))
    },
  }
}

/** The origin and the raw rest of a URL: `new URL` must not touch the path. */
function split(target: string, service: LocalService): { origin: string; path: string } {
  const match = /^(https?:\/\/[^/?#]+)([^#]*)$/i.exec(target)
  if (match === null) throw new Fault('service_malformed_url', { what: idText(service.id) })
  const rest = match[2]!
  return { origin: match[1]!, path: rest.startsWith('/') ? rest : `/${rest}` }
}

async function readAnswer(
  reply: Dispatcher.ResponseData,
  q: { method: string; spool: BodySpool; maxBodyBytes: number },
): Promise<SystemAnswer> {
  const headers = pairs(reply.headers as unknown as (Buffer | string)[])
  const answer = { status: reply.statusCode, reason: reply.statusText ?? '', headers }
  if (q.method === 'HEAD' || NO_ENTITY.has(reply.statusCode)) {
    reply.body.resume()
    return { ...answer, body: undefined }
  }
  const pending = q.spool.begin({ maxBytes: q.maxBodyBytes })
  try {
    for await (const chunk of reply.body as AsyncIterable<Buffer>) {
      const full = pending.write(chunk)
      if (full !== undefined) await full
    }
    return { ...answer, body: await pending.end() }
  } catch (cause) {
    await pending.abort()
    throw cause
  }
}

function pairs(raw: (Buffer | string)[]): HeaderList {
  const headers: HeaderList = []
  for (let i = 0; i + 1 < raw.length; i += 2) headers.push([latin1(raw[i]!), latin1(raw[i + 1]!)])
  return headers
}

function latin1(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1')
}

function failureOf(cause: unknown, service: LocalService): Fault {
  const { code, name } = cause as { code?: string; name?: string }
  const late =
    name === 'TimeoutError' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
  return new Fault(late ? 'service_timeout' : 'service_failed', { what: idText(service.id), cause })
}

/** Resolves once and refuses link-local addresses, where cloud metadata services answer. */
const guardedLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, options, (error, address, family) => {
    const found = Array.isArray(address) ? address.map((one) => one.address) : [address]
    const refused = found.some((one) => typeof one === 'string' && isLinkLocal(one))
    const refusal = refused
      ? new Fault('service_malformed_url', { what: 'the host has a link-local address' })
      : error
    callback(refusal as NodeJS.ErrnoException | null, address as string, family)
  })
}

function isLinkLocal(address: string): boolean {
  return isIPv6(address) ? /^fe[89ab]|^::ffff:169\.254\./i.test(address) : address.startsWith('169.254.')
}
