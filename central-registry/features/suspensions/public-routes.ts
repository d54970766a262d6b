/** Serves the suspension list next to each configuration; 404 before there is one. */
import type { FastifyInstance } from 'fastify'
import { Fault } from '#schemas/fault.ts'
import type { SuspensionStore } from './store.ts'

export function suspensionRoutes(app: FastifyInstance, store: Pick<SuspensionStore, 'newestList'>): void {
  for (const name of ['internalconf', 'externalconf']) {
    app.get(`/${name}-suspensions`, async (_request, reply) => {
      const list = await store.newestList()
      if (list === undefined) throw new Fault('not_found')
      // A cached list would delay a suspension.
      return reply.header('cache-control', 'no-store').type('application/jose').send(list.content)
    })
  }
}
