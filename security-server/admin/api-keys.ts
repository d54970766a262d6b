/** API keys and the audit log. */
import { Fault } from '#schemas/fault.ts'
import type { AdminRooms, Handlers } from './rooms.ts'

export function apiKeyHandlers({ apiKeys, audit, clock }: AdminRooms): Handlers {
  return {
    getApiKeys: () => apiKeys.list(),
    async addApiKey({ body, caller }) {
      const { name, roles, expiresAt } = body as { name: string; roles: string[]; expiresAt?: string }
      const key = { name, roles, createdBy: caller.id }
      if (expiresAt === undefined) return apiKeys.create(key)
      const end = new Date(expiresAt)
      if (end.getTime() <= clock()) throw new Fault('invalid_input', { what: 'expiresAt lies in the past' })
      return apiKeys.create({ ...key, expiresAt: end })
    },
    revokeApiKey: ({ params }) => apiKeys.revoke(params['id']!),
    getAuditLog: ({ query }) => audit.list(query as { before?: number; limit: number }),
    verifyAuditLog: () => audit.verify(),
  }
}
