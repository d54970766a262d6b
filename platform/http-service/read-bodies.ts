/** Which bodies a service reads: JSON, strictly, and any other type as bytes; never forms, never multipart. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'

/** Replaces Fastify's parsers; a route that takes no bytes refuses them by its operation's content types. */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const bytes = { parseAs: 'buffer' as const }
  app.addContentTypeParser('application/json', bytes, async (_request: FastifyRequest, body: Buffer) =>
    body.length === 0 ? undefined : parseStrictJson(body),
  )
  app.addContentTypeParser('*', bytes, async (_request: FastifyRequest, body: Buffer) => body)
}

/** A body that an operation takes as bytes; throws `invalid_input` when none came. */
export function bodyBytes(body: unknown): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body
  throw new Fault('invalid_input', { what: 'a body is needed' })
}
