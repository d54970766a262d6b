/** For Fastify: inputs are checked by openapi-validator.ts and nowhere else, so its own compilers are not even loaded. */
import type { FastifyServerOptions } from 'fastify'

const refuse = () => () => {
  throw new Error('a route has no schema: see openapi-validator.ts')
}

/** An option of every listener. */
export const NO_SCHEMAS: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
}
