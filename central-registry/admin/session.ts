/** Handler of the operation that returns who the caller is. */
import type { FourEyes } from '#platform/http-service/four-eyes.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'

type Needs = {
  approvals: FourEyes
  members: { parameters(): Promise<Record<string, string>> }
  settings: { login?: { passkeys?: { forActs: boolean } | undefined } | undefined }
}

export function sessionHandlers({ approvals, members, settings }: Needs): Record<string, OperationHandler> {
  return {
    getSession: async ({ caller: { kind, id, name, roles, session } }) => ({
      ...{ kind, id, name, roles, ...session },
      fourEyes: await approvals.isRequired(),
      passkeys: settings.login?.passkeys !== undefined,
      passkeyForActs: settings.login?.passkeys?.forActs === true,
      instance: (await members.parameters())['instance'],
    }),
  }
}
