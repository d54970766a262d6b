/** The suspension list beside each configuration; 404 before there is one. */
import type { FastifyInstance } from 'fastify'
import { Fault } from '#schemas/fault.ts'
import type { SuspensionStore } from './store.ts'

export function suspensionRoutes(app: FastifyInstance, store: Pick<SuspensionStore, 'newestList'>): void {
  for (const name of ['internalconf', 'externalconf']) {
    app.get(`/${name}-suspensions`, async (_request, reply) => {
      const list = await store.newestList()
      if (list === undefined) throw new Fault('not_found')
      // A proxy that kept it would keep a suspension from taking effect.
      return reply.header('cache-control', 'no-store').type('application/jose').send(list.content)
    })
  }
}
