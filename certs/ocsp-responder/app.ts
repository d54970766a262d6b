/** The OCSP responder over HTTP: POST / with an OCSP request (RFC 6960 appendix A.1). */
import { Fault } from '#schemas/fault.ts'
import type { Authority } from '../authority.ts'
import { bodyOf, createServiceApp, type ServiceApp, type ServiceSettings } from '../service-app.ts'

export function createOcspApp(authority: Authority, q: ServiceSettings): ServiceApp {
  const service = createServiceApp('ocsp', q)
  service.app.post('/', async (request, reply) => {
    if (request.headers['content-type'] !== 'application/ocsp-request')
      throw new Fault('invalid_content_type')
    const body = bodyOf(request)
    const conditions = await service.admit(request, reply)
    if (conditions === undefined) return reply
    return reply.type('application/ocsp-response').send(authority.ocspAnswer(body, conditions))
  })
  return service
}
