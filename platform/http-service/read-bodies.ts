/** The bodies that a service parses: JSON, strictly, and any other type as bytes; never forms or multipart. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** Replaces Fastify's parsers. The content types of an operation decide whether it accepts bytes. */
export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const bytes = { parseAs: 'buffer' as const }
  app.addContentTypeParser('application/json', bytes, async (_request: FastifyRequest, body: Buffer) =>
    body.length === 0 ? undefined : parseStrictJson(body),
  )
  app.addContentTypeParser('*', bytes, async (_request: FastifyRequest, body: Buffer) => body)
}

/** The body of an operation that accepts bytes; throws `invalid_input` if there is none. */
export function bodyBytes(body: unknown): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body
  throw new Fault('invalid_input', { what: say`a body is needed` })
}
