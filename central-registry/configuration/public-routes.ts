/**
 * Serves the signed configuration as files on the public listener. Answers 404 for versions that are not
 * offered, because 200 would mislead a client that probes for the newest version.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Fault } from '#schemas/fault.ts'
import type { PublicationStore } from './store.ts'
import { VERSIONS } from './write-shared.ts'

const PART =
  /^\/V\d\/\d{23}\/(?:(?:shared|private|monitoring)-params\.xml|(?:certificate-profiles|trusted-issuers|log-keys)\.json)$/

export function publicRoutes(app: FastifyInstance, store: PublicationStore): void {
  const send = async (reply: FastifyReply, path: string): Promise<FastifyReply> => {
    const file = await store.file(path)
    if (file === undefined) throw new Fault('not_found')
    return reply.type(file.contentType).send(file.content)
  }
  for (const name of ['internalconf', 'externalconf', 'internalconf-statement', 'externalconf-statement']) {
    app.get(`/${name}`, async (request, reply) => {
      // As in X-Road a request without a version asks for the oldest (pr-gconf): X-Road-Metrics names none.
      const { version = String(Math.min(...VERSIONS)) } = request.query as { version?: unknown }
      const offered = VERSIONS.find((one) => String(one) === version)
      if (offered === undefined)
        throw new Fault('not_found', { what: `versions ${VERSIONS.join(', ')} are offered` })
      return send(reply, `/V${offered}/${name}`)
    })
  }
  app.get('/:version/:stamp/:file', async (request, reply) => {
    if (!PART.test(request.url)) throw new Fault('not_found')
    return send(reply, request.url)
  })
}
