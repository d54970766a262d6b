/**
 * What a request asks of the service: as its own security server would pass it on, or in the form in which a
 * system asks its own security server, whose parts are checked as that server checks them.
 */
import type { FastifyRequest } from 'fastify'
import { pairHeaders } from '#core/transport/header-list.ts'
import { type RestRequest, readClientRequest } from '#core/transport/rest-request.ts'
import { checkServicePath } from '#core/transport/service-path.ts'
import { HOP_BY_HOP } from '#schemas/wire.ts'
import type { MockRequest } from './question.ts'

type Asked = {
  request: MockRequest
  /** Set for a request in the form of X-Road's REST protocol. */
  exchange: RestRequest | undefined
}

/** Throws what a security server throws for a request that it cannot read. */
export function readAsked({ raw, originalUrl: url, body }: FastifyRequest): Asked {
  const method = raw.method ?? ''
  const bytes = Buffer.isBuffer(body) && body.length > 0 ? body : undefined
  if (url.startsWith('/r1/')) {
    const exchange = readClientRequest({ method, url, rawHeaders: raw.rawHeaders })
    const { servicePath, query, headers } = exchange
    return { request: { method, path: servicePath, query, headers, body: bytes }, exchange }
  }
  const at = url.indexOf('?')
  const path = at < 0 ? url : url.slice(0, at)
  checkServicePath(path, { allowEncodedSlash: true })
  const headers = pairHeaders(raw.rawHeaders, (name) => HOP_BY_HOP.has(name))
  const query = at < 0 ? undefined : url.slice(at + 1)
  return {
    request: { method, path: path === '/' ? '' : path, query, headers, body: bytes },
    exchange: undefined,
  }
}
