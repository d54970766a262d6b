/**
 * Refuses a parameter that should be a number and is not written as one in decimal: other ways of writing
 * (0x10, 1e3, Infinity) would otherwise be read as numbers that the client may not have meant.
 */
import type { FastifyInstance } from 'fastify'
import type { Parameter } from '#platform/http-service/openapi-operations.ts'
import { type OpenApiDocument, readOperations } from '#platform/http-service/openapi-operations.ts'
import { Fault } from '#schemas/fault.ts'

const DECIMAL = /^-?\d{1,40}(\.\d{1,40})?$/

/** Throws `invalid_input` from a hook; add it before the routes. */
export function checkNumbers(app: FastifyInstance, document: OpenApiDocument): void {
  const byRoute = new Map(
    readOperations(document).map(({ url, parameters }) => [url, parameters.filter(isNumber)]),
  )
  app.addHook('preHandler', ({ params, query, routeOptions }, _reply, done) => {
    for (const { name, in: place } of byRoute.get(routeOptions.url ?? '') ?? []) {
      const given = (place === 'path' ? params : query) as Record<string, unknown>
      const value = Object.hasOwn(given, name) ? given[name] : undefined
      for (const one of value === undefined ? [] : [value].flat())
        if (typeof one !== 'string' || !DECIMAL.test(one))
          return done(new Fault('invalid_input', { what: `${place}.${name} must be a decimal number` }))
    }
    done()
  })
}

function isNumber({ schema = {} }: Parameter): boolean {
  const { type } = schema.type === 'array' ? (schema.items ?? {}) : schema
  return type === 'integer' || type === 'number'
}
