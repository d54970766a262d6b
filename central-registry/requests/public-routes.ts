/** The registration listener: the operations of schemas/registration-api.yaml, which anybody may call and only proofs open. */
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { parse } from 'yaml'
import { type OperationHandler, registerOpenApi } from '#platform/http-service/openapi.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { Fault } from '#schemas/fault.ts'

export async function registrationRoutes(
  app: FastifyInstance,
  handlers: Record<string, OperationHandler>,
): Promise<void> {
  const file = new URL('../../schemas/registration-api.yaml', import.meta.url)
  await registerOpenApi(app, {
    document: parse(await readFile(file, 'utf8')) as OpenApiDocument,
    handlers,
    // Every operation is public: what a caller may do hangs on the signatures in the body.
    authenticate: () => Promise.reject(new Fault('unauthorized')),
  })
}
