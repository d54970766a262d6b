/**
 * The registration listener: the operations of schemas/registration-api.yaml. Anybody may call them, but only
 * signatures give access.
 */
import type { FastifyInstance } from 'fastify'
import { type OperationHandler, registerOpenApi } from '#platform/http-service/openapi.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'
import { Fault } from '#schemas/fault.ts'

export async function registrationRoutes(
  app: FastifyInstance,
  handlers: Record<string, OperationHandler>,
): Promise<void> {
  const file = new URL('../../../schemas/registration-api.yaml', import.meta.url)
  await registerOpenApi(app, {
    document: await readDocument<OpenApiDocument>(file),
    handlers,
    // Every operation is public: what a caller may do depends on the signatures in the body.
    authenticate: () => Promise.reject(new Fault('unauthorized')),
  })
}
