/**
 * Serves what the proxy publishes, each instance below its name, with the same parts as a registry. Nothing
 * of it is secret.
 */
import { createReadStream } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { Fault } from '#schemas/fault.ts'
import type { Published } from './published.ts'

const NUMBER = /^(?:0|[1-9]\d{0,14})$/
/** As `core/configuration/directory-parts.ts` accepts locations; which of them there are is looked up. */
const MAX_LOCATION = 1024

export function proxyRoutes(app: FastifyInstance, instances: { name: string; published: Published }[]): void {
  for (const { name, published } of instances) {
    app.get(`/${name}/conf`, async (request, reply) =>
      reply.type('text/plain').send(published.directory(versionIn(request.query))),
    )
    app.get(`/${name}/conf-statement`, async (request, reply) =>
      reply.type('application/jose').send(published.statement(versionIn(request.query))),
    )
    app.get(`/${name}/conf-suspensions`, async (_request, reply) =>
      reply.type('application/jose').send(published.suspensions()),
    )
    app.get(`/${name}/conf-log-proof`, async (request, reply) => {
      const { size, from } = numbers(request.query, ['size', 'from'])
      return reply.type('application/json').send(await published.proof(size, from))
    })
    app.get(`/${name}/conf-log-entries`, async (request, reply) => {
      const { from } = numbers(request.query, ['from'])
      return reply.type('application/json').send(await published.entries(from))
    })
    app.get(`/${name}/*`, async (request, reply) => {
      const location = request.url.slice(`/${name}`.length)
      if (location.length > MAX_LOCATION) throw new Fault('not_found')
      const { file, size } = await published.part(location)
      return reply.type('text/xml').header('content-length', size).send(createReadStream(file))
    })
  }
}

function versionIn(query: unknown): string | undefined {
  const { version } = query as { version?: unknown }
  if (version === undefined) return undefined
  if (typeof version === 'string' && /^[1-9]\d?$/.test(version)) return version
  throw new Fault('not_found', { what: 'version is a number' })
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
