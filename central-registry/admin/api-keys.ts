/** Handlers of the operations on API keys. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Page } from '#platform/database/lists.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { checkName } from '../members/rules.ts'
import { timeOf } from './time-input.ts'

type NewKey = { name: string; roles: string[]; expiresAt?: string; addresses?: string[] }

export function apiKeyHandlers({ apiKeys }: { apiKeys: ApiKeys }): Record<string, OperationHandler> {
  return {
    getApiKeys: async ({ query }) => {
      const page = query as Page
      return listAnswer(await apiKeys.list(page), page, () => apiKeys.count(page))
    },
    addApiKey: async ({ body, caller, approver }) => {
      const { name, roles, expiresAt, addresses } = body as NewKey
      checkName(name)
      const end = expiresAt === undefined ? {} : { expiresAt: timeOf(expiresAt) }
      const key = { name, roles, addresses, createdBy: caller.id, ...end }
      if (approver === undefined) return apiKeys.create(key)
      // Neither the second person nor the proposal may see the secret. The caller who asked for the key
      // fetches it later.
      return { id: await apiKeys.prepare(key) }
    },
    issueApiKeySecret: ({ params, caller }) => apiKeys.issue(params['id']!.toLowerCase(), caller.id),
    revokeApiKey: ({ params }) => apiKeys.revoke(params['id']!),
  }
}
