/** Which bodies a service reads: JSON, strictly, and any other type as bytes; never forms, never multipart. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseStrictJson } from '#core/canonical/strict-json.ts'

/** Replaces Fastify's parsers; a route that takes no bytes refuses them by its operation's content types. */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const bytes = { parseAs: 'buffer' as const }
  app.addContentTypeParser('application/json', bytes, async (_request: FastifyRequest, body: Buffer) =>
    body.length === 0 ? undefined : parseStrictJson(body),
  )
  app.addContentTypeParser('*', bytes, async (_request: FastifyRequest, body: Buffer) => body)
}
