/** Serves the description of the management services where X-Road's central server has it. */
import type { FastifyInstance } from 'fastify'
import { writeServiceDescription } from './write-description.ts'

/** `port` is that of the management services on the host of `publicUrl`. */
export function descriptionRoute(
  app: FastifyInstance,
  { publicUrl, port }: { publicUrl: string; port: number },
): void {
  const url = new URL('/managementservice/manage/', `https://${new URL(publicUrl).hostname}:${port}`)
  const description = writeServiceDescription(url.href)
  app.get('/managementservices.wsdl', (_, reply) => reply.type('text/xml; charset=UTF-8').send(description))
}
