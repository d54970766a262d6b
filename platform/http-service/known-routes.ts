/** Tells "no such address" (404) from "not by this method" (405 with Allow), both in the form of every other fault. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '#schemas/fault.ts'

/** Answers every request that no route takes. */
export function answerUnknownRoute(app: FastifyInstance): void {
  const routes = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  app.addHook('onRoute', (route) => {
    if (route.url === '*') return
    const known = routes.get(route.url) ?? { pattern: patternOf(route.url), methods: new Set<string>() }
    for (const method of [route.method].flat()) known.methods.add(method)
    routes.set(route.url, known)
  })
  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<never> => {
    const path = request.raw.url?.split('?', 1)[0] ?? '/'
    const allowed = new Set<string>()
    for (const { pattern, methods } of routes.values()) {
      if (pattern.test(path)) for (const method of methods) allowed.add(method)
    }
    if (allowed.size === 0) throw new Fault('not_found')
    reply.header('allow', [...allowed].sort().join(', '))
    throw new Fault('method_not_allowed')
  }
  app.setNotFoundHandler(refuse)
  // Fastify would first ask it for its content type.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404 && request.method === 'QUERY') await refuse(request, reply)
  })
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*'
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('/')}$`)
}
