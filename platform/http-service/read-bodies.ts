/** Which bodies a service reads: JSON, strictly, and any other type as bytes; never forms, never multipart. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Fault } from '#schemas/fault.ts'

/** Replaces Fastify's parsers; a route that takes no bytes refuses them by its operation's content types. */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => (body.length === 0 ? undefined : parseJson(body)),
  )
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => body)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new Fault('malformed_json', { cause })
  }
}
