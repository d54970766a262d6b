/**
 * Who is asking: by an API key, or by HTTP's Basic with the two halves of one, since X-Road's tools make
 * their own key so.
 */
import type { FastifyRequest } from 'fastify'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Needs } from './needs.ts'

const BASIC = /^Basic ([A-Za-z0-9+/]{1,400}={0,2})$/i

/** Throws `unauthorized`. */
export function callerOf({ apiKeys }: Pick<Needs, 'apiKeys'>, request: FastifyRequest): Promise<Caller> {
  const given = request.headers.authorization
  const basic = BASIC.exec(given ?? '')?.[1]
  if (basic === undefined) return apiKeys.authenticate(given, request.socket.remoteAddress)
  const [id, ...secret] = Buffer.from(basic, 'base64').toString('latin1').split(':')
  return apiKeys.authenticate(`X-Road-ApiKey token=${id}.${secret.join(':')}`, request.socket.remoteAddress)
}
