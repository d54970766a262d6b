/**
 * Serves proofs and entries of the transparency log next to each configuration. Nothing here is secret, and
 * clients can verify all of it.
 */
import type { FastifyInstance } from 'fastify'
import { writeLogProof } from '#core/configuration/log-head.ts'
import { Fault } from '#schemas/fault.ts'
import type { LogStore } from './store.ts'

const MOST_ENTRIES = 500
const NUMBER = /^(?:0|[1-9]\d{0,14})$/

export function logRoutes(app: FastifyInstance, store: LogStore): void {
  for (const name of ['internalconf', 'externalconf']) {
    app.get(`/${name}-log-proof`, async (request, reply) => {
      const { size, from } = numbers(request.query, ['size', 'from'])
      return reply.type('application/json').send(writeLogProof(await store.proof(size, from)))
    })
    app.get(`/${name}-log-entries`, async (request, reply) => {
      const { from } = numbers(request.query, ['from'])
      const rows = await store.entries(from, MOST_ENTRIES)
      const entries = rows.map(({ hash, ...entry }) => ({ ...entry, leaf: hash.toString('base64') }))
      return reply.type('application/json').send(JSON.stringify({ size: await store.size(), entries }))
    })
  }
}

function numbers<N extends string>(query: unknown, names: N[]): Record<N, number> {
  const given = query as Record<string, unknown>
  const found = names.map((name): [N, number] => {
    const text = given[name]
    if (typeof text !== 'string' || !NUMBER.test(text))
      throw new Fault('invalid_input', { what: `the query needs ${names.join(' and ')} as numbers` })
    return [name, Number(text)]
  })
  return Object.fromEntries(found) as Record<N, number>
}
