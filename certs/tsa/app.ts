/** The time-stamping authority over HTTP: POST / with a time-stamp query (RFC 3161 section 3.4). */
import { Fault } from '#schemas/fault.ts'
import type { Authority } from '../authority.ts'
import { bodyOf, createServiceApp, type ServiceApp, type ServiceSettings } from '../service-app.ts'

export function createTsaApp(authority: Authority, q: ServiceSettings): ServiceApp {
  const service = createServiceApp('tsa', q)
  service.app.post('/', async (request, reply) => {
    if (request.headers['content-type'] !== 'application/timestamp-query')
      throw new Fault('invalid_content_type')
    const body = bodyOf(request)
    const conditions = await service.admit(request, reply)
    if (conditions === undefined) return reply
    return reply.type('application/timestamp-reply').send(authority.timeStamp(body, conditions))
  })
  return service
}
