/**
 * Distinguishes "no such address" (404) from "wrong method" (405 with Allow), both in the form of every other
 * fault.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '#schemas/fault.ts'

type Known = { pattern: RegExp; isPlain: boolean; methods: Set<string> }

/** Answers every request that matches no route. */
export function answerUnknownRoute(app: FastifyInstance): void {
  const routes = new Map<string, Known>()
  app.addHook('onRoute', (route) => {
    if (route.url === '*') return
    const isPlain = !/[:*]/.test(route.url)
    const known = routes.get(route.url) ?? { pattern: patternOf(route.url), isPlain, methods: new Set() }
    for (const method of [route.method].flat()) known.methods.add(method)
    routes.set(route.url, known)
  })
  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<never> => {
    const path = request.raw.url?.split('?', 1)[0] ?? '/'
    const fitting = [...routes.values()].filter(({ pattern }) => pattern.test(path))
    if (fitting.length === 0) throw new Fault('not_found')
    // A fixed address takes precedence over patterns: only its own methods are allowed (OpenAPI 3.1, paths).
    const own = fitting.filter(({ isPlain }) => isPlain)
    const allowed = new Set((own.length > 0 ? own : fitting).flatMap(({ methods }) => [...methods]))
    reply.header('allow', [...allowed].sort().join(', '))
    throw new Fault('method_not_allowed')
  }
  app.setNotFoundHandler(refuse)
  // Otherwise Fastify would first check the content type.
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
