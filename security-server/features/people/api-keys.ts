/** API keys, the caller's session, and the audit log. */
import type { KeyForm } from '#platform/api-keys/create-api-keys.ts'
import { exportAuditLog } from '#platform/audit-log/export-audit-log.ts'
import type { AuditFilter } from '#platform/audit-log/store.ts'
import type { Page } from '#platform/database/lists.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Confirmation } from '#platform/http-service/confirmation.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { LOOKS } from '../../reading/looks.ts'
import { isoTime } from '../../reading/record-filter.ts'
import { ACTS, type ActKind } from './act-kinds.ts'
import type { FourEyesPolicy } from './four-eyes-policy.ts'
import type { Needs } from './needs.ts'

type AuditQuery = {
  before?: number
  limit: number
  offset: number
  about?: 'looks' | 'acts'
  kind?: ActKind
  from?: string
  until?: string
  q?: string
}

type NewKey = { name: string; roles: string[]; expiresAt?: string; addresses?: string[]; form?: KeyForm }

/** Callers from which a reader of the audit log chooses. */
const MOST_CALLERS = 200

function operationsOf(about: AuditQuery['about'], kind: ActKind | undefined): AuditFilter {
  if (kind !== undefined) {
    // No kind of act has a look.
    return { operations: about === 'looks' ? [] : ACTS[kind], operationsAre: 'in' }
  }
  if (about === undefined) return {}
  return { operations: LOOKS, operationsAre: about === 'looks' ? 'in' : 'not in' }
}

type Policies = {
  passkeys: { isInUse: boolean; acts: Confirmation | undefined }
  fourEyesPolicy: FourEyesPolicy
}

export function apiKeyHandlers(rooms: Needs & Policies): Handlers {
  const { apiKeys, audit, clock, messageLog, server, passkeys } = rooms
  return {
    getSession: async ({ caller: { kind, id, name, roles, session } }) => ({
      ...{ kind, id, name, roles, ...session },
      contentFourEyes: rooms.settings.auditing.contentFourEyes,
      fourEyes: [...(await rooms.fourEyesPolicy.inForce()), ...rooms.fourEyesPolicy.always],
      ...{ passkeys: passkeys.isInUse, passkeyForActs: passkeys.acts !== undefined },
      instance: server.instance,
      securityServer: colonForm(idText(server)),
    }),
    getApiKeys: async ({ query }) => {
      const page = query as Page
      return listAnswer(await apiKeys.list(page), page, () => apiKeys.count(page))
    },
    async addApiKey({ body, caller, approver }) {
      const { name, roles, expiresAt, addresses, form } = body as NewKey
      const end = expiresAt === undefined ? undefined : new Date(expiresAt)
      if (end !== undefined && end.getTime() <= clock())
        throw new Fault('invalid_input', { what: say`expiresAt lies in the past` })
      const key = { name, roles, addresses, form, createdBy: caller.id, ...(end && { expiresAt: end }) }
      if (approver === undefined) return apiKeys.create(key)
      // Neither the second person nor the proposal may see the secret. The caller who asked for the key
      // fetches it later.
      return { id: await apiKeys.prepare(key) }
    },
    issueApiKeySecret: ({ params, caller }) => apiKeys.issue(params['id']!.toLowerCase(), caller.id),
    revokeApiKey: ({ params }) => apiKeys.revoke(params['id']!),
    async getAuditLog({ query }) {
      const { limit, offset, about, kind, from, until, ...rest } = query as AuditQuery
      const filter: AuditFilter = {
        ...rest,
        ...operationsOf(about, kind),
        ...(from === undefined ? {} : { from: isoTime(from) }),
        ...(until === undefined ? {} : { until: isoTime(until) }),
      }
      const entries = await audit.list({ ...filter, limit, offset })
      // Counted only if the page itself does not show the total.
      const isLast = entries.length < limit && (entries.length > 0 || offset === 0)
      const total = isLast ? offset + entries.length : await audit.count(filter)
      return answer(entries, { headers: { 'x-total-count': String(total) } })
    },
    getLastActs: ({ query }) => audit.lastActs({ ...(query as { limit: number }), without: LOOKS }),
    getAuditCallers: () => audit.callers(MOST_CALLERS),
    async exportAuditLog({ query }) {
      const { from, until } = query as { from?: string; until?: string }
      const lines = exportAuditLog(audit, {
        from: from === undefined ? undefined : isoTime(from),
        until: until === undefined ? undefined : isoTime(until),
      })
      return answer(lines, { headers: { 'content-disposition': 'attachment; filename="audit-log.ndjson"' } })
    },
    verifyAuditLog: () => audit.verify(messageLog.auditHeads()),
  }
}
