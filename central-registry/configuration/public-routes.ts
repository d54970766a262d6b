/** The public listener: the signed configuration as files, 404 for versions that are not offered (200 would mislead the probe). */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Fault } from '#schemas/fault.ts'
import type { PublicationStore } from './store.ts'
import { VERSIONS } from './write-shared.ts'

const PART = /^\/V\d\/\d{23}\/(?:(?:shared|private)-params\.xml|certificate-profiles\.json)$/

export function publicRoutes(app: FastifyInstance, store: PublicationStore): void {
  const send = async (reply: FastifyReply, path: string): Promise<FastifyReply> => {
    const file = await store.file(path)
    if (file === undefined) throw new Fault('not_found')
    return reply.type(file.contentType).send(file.content)
  }
  for (const name of ['internalconf', 'externalconf', 'internalconf-statement', 'externalconf-statement']) {
    app.get(`/${name}`, async (request, reply) => {
      // Without a version X-Road means 2 (wire 5.1), which we do not write.
      const { version = '2' } = request.query as { version?: unknown }
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
