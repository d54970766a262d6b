/** Handler of the operation that returns who the caller is. */
import type { FourEyes } from '#platform/http-service/four-eyes.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'

export function sessionHandlers(fourEyes: FourEyes): Record<string, OperationHandler> {
  return {
    getSession: async ({ caller: { kind, id, name, roles, session } }) => ({
      ...{ kind, id, name, roles, ...session },
      fourEyes: await fourEyes.isRequired(),
    }),
  }
}
