/**
 * Disables Fastify's own schema compilers, and does not even load them: openapi-validator.ts checks all
 * inputs.
 */
import type { FastifyServerOptions } from 'fastify'

const refuse = () => () => {
  throw new Error('a route has no schema: see openapi-validator.ts')
}

/** An option of every listener. */
export const NO_SCHEMAS: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
}
